package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of Open

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/guarded"
)

// EnvURL names a server to use: an address of a database, as a role that may create others.
const EnvURL = "WARREN_POSTGRES_URL"

// packageName is what brings PostgreSQL to a Debian machine.
const packageName = "postgresql"

// ErrNoServer is returned by [Find] where no PostgreSQL can be had; what wraps it says why.
var ErrNoServer = errors.New("no PostgreSQL can be had")

// Options say how [Find] speaks with the user.
type Options struct {
	// Out is told, one line, what was done to have a server. Defaults to nowhere.
	Out io.Writer
	// In is asked before something is installed, if it is a terminal. Defaults to none.
	In *os.File
	// Durable has a private server keep PostgreSQL's defaults, where it forces to disk what is committed.
	Durable bool
	// NoInstall forbids to install a server where there is none.
	NoInstall bool
}

// Server is a PostgreSQL that answers.
type Server struct {
	// URL is the address of its database postgres, or of the one that EnvURL names, with
	// credentials.
	URL string
	// Version is the server's own, e.g. "15.14".
	Version string
	// Source tells in one line how the server was had.
	Source string

	private *guarded.Server // nil where the server was named
}

// Find returns a server: the one that WARREN_POSTGRES_URL names, else a private one of the
// PostgreSQL on this machine, which is installed where it is not there and that may be done. A named
// one that does not answer is an error. The caller closes the server.
func Find(ctx context.Context, opts Options) (*Server, error) {
	if opts.Out == nil {
		opts.Out = io.Discard
	}
	s, err := find(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w: %w", ErrNoServer, err)
	}
	fmt.Fprintf(opts.Out, "pgtest: PostgreSQL %s: %s\n", s.Version, s.Source)
	return s, nil
}

func find(ctx context.Context, opts Options) (*Server, error) {
	if url := os.Getenv(EnvURL); url != "" {
		version, err := ask(ctx, url)
		if err != nil {
			return nil, fmt.Errorf("%s does not answer: %w", EnvURL, err)
		}
		return &Server{URL: url, Version: version, Source: EnvURL}, nil
	}
	programs, err := findPrograms()
	if err != nil && opts.NoInstall {
		return nil, err
	}
	if err != nil {
		if failed := brokertest.Install(ctx, packageName, brokertest.Options{Out: opts.Out, In: opts.In}); failed != nil {
			return nil, fmt.Errorf("%w, and %s cannot be installed: %w", err, packageName, failed)
		}
		if programs, err = findPrograms(); err != nil {
			return nil, err
		}
	}
	return start(ctx, programs, opts.Durable)
}

// programFolders are where servers are kept: Debian's, by version, and others'.
var programFolders = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/bin", "/usr/bin"}

// findPrograms returns the folder of the programs initdb and postgres, of the newest version there is.
func findPrograms() (string, error) {
	for _, pattern := range programFolders {
		found, err := filepath.Glob(filepath.Join(pattern, "initdb"))
		if err != nil {
			return "", err
		}
		best, version := "", -1
		for _, path := range found {
			folder := filepath.Dir(path)
			if _, err := os.Stat(filepath.Join(folder, "postgres")); err != nil {
				continue
			}
			if v := versionOf(folder); v > version {
				best, version = folder, v
			}
		}
		if best != "" {
			return best, nil
		}
	}
	return "", errors.New("there is no initdb and postgres in " + strings.Join(programFolders, ", "))
}

// versionOf is the major version in the name of a folder of programs, 0 where it tells none.
func versionOf(folder string) int {
	name := filepath.Base(filepath.Dir(folder))
	version, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	if err != nil {
		return 0
	}
	return version
}

// Open opens a database by its address. It does not connect yet.
func Open(url string) (*sql.DB, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	return db, nil
}

const askTimeout = 5 * time.Second

// ask connects to a server and returns its version.
func ask(ctx context.Context, url string) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	db, err := Open(url)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(ctx, "SHOW server_version").Scan(&version)
	version, _, _ = strings.Cut(version, " ") // Debian adds its own
	return version, err
}
