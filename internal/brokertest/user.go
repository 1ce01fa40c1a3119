package brokertest

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Permissions are what a user may do in a virtual host: regular expressions for names of exchanges
// and queues (https://www.rabbitmq.com/docs/access-control#authorisation).
type Permissions struct {
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

// Everything is all permissions.
var Everything = Permissions{Configure: ".*", Write: ".*", Read: ".*"}

// NewUser makes a user, without tags, who may do something in a virtual host, until the test ends. It
// returns the address under which the user connects.
func NewUser(t testing.TB, v Vhost, may Permissions) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), vhostTimeout)
	defer cancel()
	name, password := testName(), "s3cret"
	api := managementAt(v.Management)
	user := "/api/users/" + url.PathEscape(name)
	require.NoError(t, api.do(ctx, http.MethodPut, user, map[string]string{"password": password, "tags": ""}))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), vhostTimeout)
		defer cancel()
		if err := api.do(ctx, http.MethodDelete, user, nil); err != nil {
			t.Errorf("brokertest: delete user %q: %v", name, err)
		}
	})
	require.NoError(t, api.do(ctx, http.MethodPut, "/api/permissions/"+url.PathEscape(v.Name)+"/"+url.PathEscape(name), may))
	address, err := url.Parse(v.URL)
	require.NoError(t, err)
	address.User = url.UserPassword(name, password)
	return address.String()
}
