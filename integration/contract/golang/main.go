// Carry out calls of Oracle's Go SDK: one JSON document a line in, one out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"
	"github.com/oracle/oci-go-sdk/v65/core"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/workrequests"
)

// settings says who calls, and where the cloud is.
type settings struct {
	Endpoint, Tenancy, User, Fingerprint, Region, Key, Principal string
}

func (s settings) provider() (common.ConfigurationProvider, error) {
	if s.Principal == "instance" {
		return auth.InstancePrincipalConfigurationProvider()
	}
	return common.NewRawConfigurationProvider(
		s.Tenancy, s.User, s.Region, s.Fingerprint, s.Key, nil), nil
}

// clients returns a client of each service, first the one that shall be asked first.
func clients(s settings) ([]any, error) {
	provider, err := s.provider()
	if err != nil {
		return nil, err
	}
	network, err := core.NewVirtualNetworkClientWithConfigurationProvider(provider)
	if err != nil {
		return nil, err
	}
	compute, err := core.NewComputeClientWithConfigurationProvider(provider)
	if err != nil {
		return nil, err
	}
	work, err := workrequests.NewWorkRequestClientWithConfigurationProvider(provider)
	if err != nil {
		return nil, err
	}
	users, err := identity.NewIdentityClientWithConfigurationProvider(provider)
	if err != nil {
		return nil, err
	}
	disks, err := core.NewBlockstorageClientWithConfigurationProvider(provider)
	if err != nil {
		return nil, err
	}
	network.Host, compute.Host, disks.Host = s.Endpoint, s.Endpoint, s.Endpoint
	work.Host, users.Host = s.Endpoint, s.Endpoint
	return []any{network, compute, work, users, disks}, nil
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	var made []any
	var failed error
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		if made == nil {
			var s settings
			if failed = json.Unmarshal(line, &s); failed == nil {
				made, failed = clients(s)
			}
			if failed != nil {
				_ = out.Encode(answer{Broken: failed.Error()})
				return
			}
			_ = out.Encode(answer{})
			continue
		}
		_ = out.Encode(carryOut(made, line))
	}
}

func carryOut(made []any, line []byte) (result answer) {
	defer func() {
		if what := recover(); what != nil {
			result = answer{Broken: fmt.Sprint(what)}
		}
	}()
	var wanted call
	if err := json.Unmarshal(line, &wanted); err != nil {
		return answer{Broken: err.Error()}
	}
	for _, client := range made {
		method := reflect.ValueOf(client).MethodByName(wanted.Operation)
		if !method.IsValid() {
			continue
		}
		arguments := []reflect.Value{reflect.ValueOf(context.Background())}
		if method.Type().NumIn() > 1 { // ListRegions takes no request
			request, err := wanted.request(method.Type().In(1))
			if err != nil {
				return answer{Broken: err.Error()}
			}
			arguments = append(arguments, request)
		}
		returned := method.Call(arguments)
		if err, isError := returned[1].Interface().(error); isError {
			return refused(err)
		}
		return answered(returned[0])
	}
	return answer{Lacking: true}
}
