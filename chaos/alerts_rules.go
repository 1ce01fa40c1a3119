package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/warrenmq/warren/deploy"
)

// scrapeInterval is the one that the rules are made for, deploy/prometheus/prometheus.yml's.
const scrapeInterval = 15 * time.Second

var (
	forClause = regexp.MustCompile(`(?m)^( *for: )(\S+)$`)
	ranges    = regexp.MustCompile(`(\[)(\w+)(\])`)
)

// hasten returns the rules for a time that runs so many times as fast: each `for` and each window is divided by
// the pace, and nothing else is changed; the thresholds are as shipped.
func hasten(rules string, pace int) (string, error) {
	var wrong error
	shorten := func(text string) string {
		d, err := time.ParseDuration(text)
		if err != nil {
			wrong = fmt.Errorf("hasten the rules: %w", err)
		}
		return fmt.Sprintf("%dms", (d / time.Duration(pace)).Milliseconds())
	}
	for _, pattern := range []*regexp.Regexp{forClause, ranges} {
		rules = pattern.ReplaceAllStringFunc(rules, func(found string) string {
			parts := pattern.FindStringSubmatch(found)
			return parts[1] + shorten(parts[2]) + strings.Join(parts[3:], "")
		})
	}
	return rules, wrong
}

// writePrometheus writes the configuration of a Prometheus to a folder, beside the rules, and returns its path. It
// is as shipped, but for the pace and where the targets are: the jobs' by their names.
func writePrometheus(folder string, pace int, targets map[string][]string) (string, error) {
	rules, err := deploy.Files.ReadFile(deploy.RulesFile)
	if err != nil {
		return "", err
	}
	faster, err := hasten(string(rules), pace)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, filepath.Base(deploy.RulesFile)), []byte(faster), 0o600); err != nil {
		return "", err
	}
	shipped, err := deploy.Files.ReadFile(deploy.PrometheusFile)
	if err != nil {
		return "", err
	}
	var config struct {
		Global    map[string]string `yaml:"global"`
		RuleFiles []string          `yaml:"rule_files"`
		Scrape    []map[string]any  `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal(shipped, &config); err != nil {
		return "", fmt.Errorf("%s: %w", deploy.PrometheusFile, err)
	}
	interval := fmt.Sprintf("%dms", (scrapeInterval / time.Duration(pace)).Milliseconds())
	for name := range config.Global {
		config.Global[name] = interval
	}
	config.Global["scrape_timeout"] = interval
	jobs := config.Scrape
	config.Scrape = nil
	for _, job := range jobs {
		name, _ := job["job_name"].(string)
		if at := targets[name]; len(at) > 0 {
			delete(job, "dns_sd_configs")
			job["static_configs"] = []map[string]any{{"targets": at}}
			config.Scrape = append(config.Scrape, job)
		}
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, filepath.Base(deploy.PrometheusFile))
	return path, os.WriteFile(path, text, 0o600)
}
