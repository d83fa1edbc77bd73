// Package v20170312 stands in for Tencent's SDK, which the Go module proxy does not
// serve: flanneld does not compile without it. It declares what flanneld's backend
// "tencent-vpc" uses, and refuses every call. No other backend touches it.
package v20170312

import "errors"

var errAbsent = errors.New("this build has no tencent-vpc backend")

type Client struct{}

type Filter struct {
	Name   *string
	Values []*string
}

type Route struct {
	DestinationCidrBlock, GatewayId, GatewayType, RouteType *string

	Enabled *bool
	RouteId *uint64
}

type RouteTable struct {
	RouteTableId *string
	RouteSet     []*Route
}

type DescribeRouteTablesRequest struct{ Filters []*Filter }

type DescribeRouteTablesResponse struct {
	Response struct{ RouteTableSet []*RouteTable }
}

type CreateRoutesRequest struct {
	RouteTableId *string
	Routes       []*Route
}

type DeleteRoutesRequest struct {
	RouteTableId *string
	Routes       []*Route
}

type Answer struct{}

func NewClientWithSecretId(_, _, _ string) (*Client, error) { return nil, errAbsent }

func NewDescribeRouteTablesRequest() *DescribeRouteTablesRequest {
	return &DescribeRouteTablesRequest{}
}

func NewCreateRoutesRequest() *CreateRoutesRequest { return &CreateRoutesRequest{} }

func NewDeleteRoutesRequest() *DeleteRoutesRequest { return &DeleteRoutesRequest{} }

func (*Client) DescribeRouteTables(*DescribeRouteTablesRequest) (*DescribeRouteTablesResponse, error) {
	return nil, errAbsent
}

func (*Client) CreateRoutes(*CreateRoutesRequest) (*Answer, error) { return nil, errAbsent }

func (*Client) DeleteRoutes(*DeleteRoutesRequest) (*Answer, error) { return nil, errAbsent }
