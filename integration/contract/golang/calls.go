package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// call is an operation, its body, and its other parameters by the names in the API.
type call struct {
	Operation string
	Body      json.RawMessage
	With      map[string]json.RawMessage
	Retry     bool
	// Until is a state to wait for; the SDK waits by a retry policy.
	Until string
}

// answer is what the SDK made of a response.
type answer struct {
	Lacking bool              `json:"lacking,omitempty"`
	Broken  string            `json:"broken,omitempty"`
	Status  int               `json:"status,omitempty"`
	Code    string            `json:"code,omitempty"`
	Message string            `json:"message,omitempty"`
	Data    any               `json:"data,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
}

// request fills the SDK's own request structure by its tags.
func (c call) request(kind reflect.Type) (reflect.Value, error) {
	request := reflect.New(kind).Elem()
	filled := 0
	for i := range kind.NumField() {
		field := kind.Field(i)
		value, known := c.With[field.Tag.Get("name")]
		if field.Tag.Get("contributesTo") == "body" && c.Body != nil {
			value, known = c.Body, true
		} else if known {
			filled++
		}
		if known {
			if err := json.Unmarshal(value, request.Field(i).Addr().Interface()); err != nil {
				return request, fmt.Errorf("%s.%s: %w", kind.Name(), field.Name, err)
			}
		}
	}
	if filled < len(c.With) {
		return request, fmt.Errorf("%s has not all of the parameters %v", kind.Name(), c.With)
	}
	if c.Retry || c.Until != "" {
		attempts, again := uint(4), common.DefaultShouldRetryOperation
		if c.Until != "" {
			attempts, again = 400, c.notYet
		}
		policy := common.NewRetryPolicy(
			attempts, again, func(common.OCIOperationResponse) time.Duration {
				return 20 * time.Millisecond
			})
		metadata := common.RequestMetadata{RetryPolicy: &policy}
		request.FieldByName("RequestMetadata").Set(reflect.ValueOf(metadata))
	}
	return request, nil
}

// notYet tells whether a state is still to come.
func (c call) notYet(response common.OCIOperationResponse) bool {
	if response.Error != nil {
		return common.DefaultShouldRetryOperation(response)
	}
	body := reflect.ValueOf(answered(reflect.ValueOf(response.Response)).Data)
	return body.FieldByName("LifecycleState").String() != c.Until
}

func refused(err error) answer {
	failure, isFailure := common.IsServiceError(err)
	if !isFailure {
		return answer{Broken: err.Error()}
	}
	return answer{
		Status:  failure.GetHTTPStatusCode(),
		Code:    failure.GetCode(),
		Message: failure.GetMessage(),
	}
}

func answered(response reflect.Value) answer {
	raw := response.FieldByName("RawResponse").Interface().(*http.Response)
	result := answer{Status: raw.StatusCode, Headers: map[string]string{}}
	for i := range response.NumField() {
		field := response.Type().Field(i)
		switch field.Tag.Get("presentIn") {
		case "body":
			result.Data = response.Field(i).Interface()
		case "header":
			if value := reflect.Indirect(response.Field(i)); value.IsValid() {
				result.Headers[field.Tag.Get("name")] = fmt.Sprint(value.Interface())
			}
		}
	}
	return result
}
