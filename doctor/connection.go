package doctor

import (
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/warrenmq/warren/broker"
)

// checkConnection tells which nodes cannot be connected to.
func checkConnection(f *Facts) (found []Finding) {
	severity := Error
	if f.connected() {
		severity = Warning
	}
	for _, n := range f.Nodes {
		if n.Err == nil {
			continue
		}
		finding := Finding{Severity: severity, Subject: n.URL, Message: n.Err.Error(), Remedy: "start the node, or mend " + f.Where("broker", "urls")}
		if errors.Is(n.Err, broker.ErrRefused) {
			finding.Remedy = fmt.Sprintf("rabbitmqctl authenticate_user %s PASSWORD && rabbitmqctl list_permissions -p %s",
				quoted(f.User), quoted(f.Vhost))
		}
		found = append(found, finding)
	}
	return found
}

// checkTransport tells of credentials and tasks that go over a network as they are, and of the user that
// everybody knows.
func checkTransport(f *Facts) (found []Finding) {
	told := map[string]bool{}
	tell := func(finding Finding) {
		if key := finding.Subject + finding.Message; !told[key] {
			told[key] = true
			found = append(found, finding)
		}
	}
	look := func(raw, plain, secure, place string) {
		u, err := url.Parse(raw)
		if err != nil || isLoopback(u.Hostname()) {
			return
		}
		if u.Scheme == plain {
			tell(Finding{
				Severity: Warning, Subject: place,
				Message: fmt.Sprintf("%s is another machine, and %s:// is not encrypted: whoever can read the network reads the password and the tasks", u.Hostname(), plain),
				Remedy:  fmt.Sprintf("%s://… in %s, with broker.tls where the CA is your own", secure, place),
			})
		}
		if u.User == nil && plain == "amqp" && u.Scheme == plain || u.User != nil && u.User.Username() == "guest" {
			tell(Finding{
				Severity: Warning, Subject: place,
				Message: "the user guest, whose password everybody knows, may log in from another machine",
				Remedy: fmt.Sprintf("rabbitmqctl add_user warren && rabbitmqctl set_permissions -p %s warren %s && rabbitmqctl delete_user guest",
					quoted(f.Vhost), f.patterns(broker.Permissions{})),
			})
		}
	}
	for _, raw := range f.URLs {
		look(raw, "amqp", "amqps", f.Where("broker", "urls"))
	}
	if f.Management != "" {
		look(f.Management, "http", "https", f.Where("broker", "management"))
	}
	return found
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkManagement tells that the management API is not asked or does not answer: what else cannot be
// known then, the other checks tell.
func checkManagement(f *Facts) []Finding {
	switch {
	case f.Management == "":
		return []Finding{{
			Severity: NotMade, Subject: f.Where("broker", "management"),
			Message: "without the management API most checks cannot be made",
			Remedy:  "management: http://USER:PASSWORD@HOST:15672   # below broker: in the configuration; the user needs the tag monitoring",
		}}
	case f.Survey.Version.Err != nil:
		return []Finding{{
			Severity: NotMade, Subject: f.ManagementURL, Message: f.Survey.Version.Err.Error(),
			Remedy: "mend " + f.Where("broker", "management") + "; or: rabbitmq-plugins enable rabbitmq_management; or: rabbitmqctl set_user_tags USER monitoring",
		}}
	default:
		return nil
	}
}
