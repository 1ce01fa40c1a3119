package pgtest

import "testing"

func TestVersionOf(t *testing.T) {
	for folder, want := range map[string]int{
		"/usr/lib/postgresql/15/bin": 15, "/usr/lib/postgresql/9/bin": 9, "/usr/pgsql-17/bin": 17, "/usr/local/pgsql/bin": 0,
	} {
		if got := versionOf(folder); got != want {
			t.Errorf("version of %s: %d, want %d", folder, got, want)
		}
	}
}
