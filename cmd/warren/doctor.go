package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/doctor"
)

// doctorFlags are the flags of warren doctor.
type doctorFlags struct {
	asJSON, strict bool
	roles          []string
	user           string
	ackTimeout     string
}

// doctorTimeout bounds the whole examination.
const doctorTimeout = time.Minute

func (c *cli) doctor() *cobra.Command {
	var flags doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong between the configuration and RabbitMQ, and tell what mends it",
		Long: "Doctor compares RabbitMQ with the configuration: version, permissions, what exists and differs, bindings,\n" +
			"policies, timeouts, alarms, the cluster. It mends nothing and changes nothing. Each finding comes with its\n" +
			"remedy. What cannot be checked, for want of broker.management or of permissions, is said.\n" +
			"Its exit code is 1 where there is an error, with --strict also where there is a warning or a check was not made.",
		Example: "  warren doctor\n  warren doctor --json | jq -r 'select(.severity == \"error\") | .remedy'",
		Args:    cobra.NoArgs,
		RunE: c.begin(func(ctx context.Context, _ []string) error {
			setup, cfg, err := c.setup(&flags)
			if err != nil {
				return err
			}
			facts, err := c.inspect(ctx, doctorTimeout, setup, cfg)
			if err != nil {
				return err
			}
			return c.printFindings(facts, doctor.Examine(facts), &flags)
		}),
	}
	jsonFlag(cmd, &flags.asJSON)
	cmd.Flags().BoolVar(&flags.strict, "strict", false, "exit with 1 also for warnings, and for checks that were not made")
	cmd.Flags().StringSliceVar(&flags.roles, "role", nil, "the `ROLE` whose permissions the user is to have: worker, scheduler, operator (default all)")
	cmd.Flags().StringVar(&flags.user, "user", "", "the `USER` whose permissions are looked at (default that of broker.urls)")
	cmd.Flags().StringVar(&flags.ackTimeout, "ack-timeout", "", "RabbitMQ's consumer_timeout, a `TIME`, where it is not 30m")
	return cmd
}

// setup is what the configuration and the flags want examined.
func (c *cli) setup(flags *doctorFlags) (doctor.Setup, *config.Config, error) {
	cfg, err := c.loadQueues()
	if err != nil {
		return doctor.Setup{}, nil, err
	}
	s := doctor.Setup{
		File: cfg.File, Spec: cfg.Spec(), URLs: cfg.Broker.URLs, Management: cfg.Broker.Management, PermissionsOf: flags.user, Where: cfg.Where,
	}
	if name, overridden := c.urlVariable(); overridden {
		s.Where = func(path ...string) string {
			if slices.Equal(path, []string{"broker", "urls"}) {
				return name
			}
			return cfg.Where(path...)
		}
	}
	if len(s.URLs) == 0 {
		s.URLs = []string{broker.DefaultURL}
	}
	for _, q := range cfg.Queues {
		s.Queues = append(s.Queues, doctor.Queue{Name: q.Name, Timeout: q.Timeout})
	}
	if flags.ackTimeout != "" {
		if s.AckTimeout, err = config.ParseDuration(flags.ackTimeout); err != nil || s.AckTimeout <= 0 {
			return s, nil, usagef("--ack-timeout: %q is not a duration above 0, such as 2h", flags.ackTimeout)
		}
	}
	for _, name := range flags.roles {
		role := doctor.Role(name)
		if !slices.Contains(doctor.Roles, role) {
			return s, nil, usagef("--role: %q is none of worker, scheduler, operator", name)
		}
		s.Roles = append(s.Roles, role)
	}
	if len(s.Roles) == 0 {
		s.Roles = []doctor.Role{doctor.Worker, doctor.Operator}
		if len(cfg.Schedules) > 0 {
			s.Roles = doctor.Roles
		}
	}
	return s, cfg, nil
}

// urlVariable returns the variable of the environment that overrides broker.urls.
func (c *cli) urlVariable() (name string, overrides bool) {
	for _, name := range []string{config.EnvURL, config.EnvFallbackURL} {
		if url, _ := c.getenv(name); url != "" {
			return name, true
		}
	}
	return "", false
}

// inspect asks the broker for everything within a time; what it has not told by then is among the facts as such.
func (c *cli) inspect(ctx context.Context, timeout time.Duration, setup doctor.Setup, cfg *config.Config) (*doctor.Facts, error) {
	tlsConfig, err := cfg.Broker.TLS.Load("broker.tls")
	if err != nil {
		return nil, err
	}
	inspector, err := broker.NewInspector(broker.Config{
		URLs: setup.URLs, Management: setup.Management, Prefix: cfg.Broker.Prefix, TLS: tlsConfig,
	})
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	facts := doctor.Gather(within, clockwork.NewRealClock(), setup, inspector)
	if facts.Consumerless() {
		facts.Paused.Value, facts.Paused.Err = c.pausedQueues(within, cfg)
	}
	return facts, ctx.Err()
}

// pausedQueues returns who has paused which queue, as far as that can be read, beside the error.
func (c *cli) pausedQueues(ctx context.Context, cfg *config.Config) (map[string]string, error) {
	client, err := c.connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	state, err := c.workersState(ctx, client)
	paused := map[string]string{}
	for _, q := range cfg.Queues {
		if pause, is := state.Paused(q.Name); is {
			paused[q.Name] = pause.By
		}
	}
	return paused, err
}

// severityNames are how severities are told: as a heading, and counted.
var severityNames = []struct {
	severity              doctor.Severity
	heading, one, several string
	colour                string
}{
	{doctor.Error, "ERRORS", "error", "errors", red},
	{doctor.Warning, "WARNINGS", "warning", "warnings", yellow},
	{doctor.NotMade, "NOT CHECKED", "check not made", "checks not made", magenta},
	{doctor.Info, "NOTES", "note", "notes", cyan},
}

// printFindings writes the findings; an error among them is a finding of the command.
func (c *cli) printFindings(f *doctor.Facts, findings []doctor.Finding, flags *doctorFlags) error {
	counts := map[doctor.Severity]int{}
	for _, finding := range findings {
		counts[finding.Severity]++
	}
	write := func() error { return c.writeFindings(f, findings, counts) }
	if flags.asJSON {
		write = func() error {
			lines := c.lines()
			for _, finding := range findings {
				if err := lines.Encode(finding); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if err := write(); err != nil {
		return err
	}
	if counts[doctor.Error] > 0 || flags.strict && counts[doctor.Warning]+counts[doctor.NotMade] > 0 {
		return errFinding
	}
	return nil
}

// writeFindings writes the findings for people, by severity, and one line of counts.
func (c *cli) writeFindings(f *doctor.Facts, findings []doctor.Finding, counts map[doctor.Severity]int) error {
	var out strings.Builder
	colour := c.colour()
	for _, s := range severityNames {
		if counts[s.severity] == 0 {
			continue
		}
		heading := s.heading
		if colour {
			heading = s.colour + heading + plain
		}
		fmt.Fprintln(&out, heading)
		for _, finding := range findings {
			if finding.Severity != s.severity {
				continue
			}
			fmt.Fprintf(&out, "  %-*s  %s: %s\n", checkWidth, finding.Check, onOneLine(finding.Subject), onOneLine(finding.Message))
			if finding.Remedy != "" {
				fmt.Fprintf(&out, "  %*s  > %s\n", checkWidth, "", onOneLine(finding.Remedy))
			}
		}
	}
	fmt.Fprintf(&out, "%s: %s\n", examined(f), summary(counts))
	_, err := fmt.Fprint(c.stdout, out.String())
	return err
}

// checkWidth is the width of the longest name of a check.
var checkWidth = len(slices.MaxFunc(doctor.Checks(), func(a, b string) int { return len(a) - len(b) }))

// examined says what was examined.
func examined(f *doctor.Facts) string {
	if f.Topology.Err != nil {
		return "RabbitMQ"
	}
	return fmt.Sprintf("RabbitMQ %s, virtual host %s", f.Version, f.Vhost)
}

// summary counts what was found.
func summary(counts map[doctor.Severity]int) string {
	var parts []string
	for _, s := range severityNames {
		switch n := counts[s.severity]; {
		case n == 1:
			parts = append(parts, "1 "+s.one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, s.several))
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("nothing found in %d checks", len(doctor.Checks()))
	}
	return strings.Join(parts, ", ")
}
