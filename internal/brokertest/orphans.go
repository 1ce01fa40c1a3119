package brokertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// sweepOnce removes, the first time in this process, what killed processes left.
var sweepOnce sync.Once

func sweep(ctx context.Context, out io.Writer) {
	sweepOnce.Do(func() {
		if err := removeAbandoned(ctx, out, orphaned); err != nil {
			fmt.Fprintf(out, "brokertest: removing brokers left by killed processes: %s\n", oneLine(err))
		}
	})
}

// CloseDetached removes the brokers of this user that were given up with [Broker.Detach], and says
// of each on out that it is gone.
func CloseDetached(ctx context.Context, out io.Writer) error {
	if err := removeAbandoned(ctx, out, detached); err != nil {
		return fmt.Errorf("brokertest: removing detached brokers: %w", err)
	}
	return nil
}

// abandoned says of a broker's recorded owner whether the broker is to be removed.
type abandoned func(recorded string) bool

func orphaned(recorded string) bool {
	o, err := parseOwner(recorded)
	return err == nil && o.gone()
}

func detached(recorded string) bool { return recorded == detachedOwner }

func removeAbandoned(ctx context.Context, out io.Writer, is abandoned) error {
	return errors.Join(removeAbandonedNodes(ctx, out, is), removeAbandonedContainers(ctx, out, is))
}

// removeAbandonedNodes ends the nodes, and deletes their folders. Only our own user's folders are
// believed.
func removeAbandonedNodes(ctx context.Context, out io.Writer, is abandoned) error {
	paths, err := nodeFolders()
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || !ownFile(info) {
			continue
		}
		f := folder(path)
		recorded, err := os.ReadFile(f.path("owner"))
		if err != nil || !is(string(recorded)) {
			continue
		}
		if err := f.destroy(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(out, "brokertest: removed the private node in %s\n", path)
	}
	return errors.Join(errs...)
}

// ownFile says whether a file belongs to the user that we run as.
func ownFile(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// destroy ends whatever runs in a folder that is not ours any more, and deletes it.
func (f folder) destroy(ctx context.Context) error {
	recorded, err := os.ReadFile(f.path("process"))
	if err == nil {
		err = f.killRecorded(ctx, string(recorded))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("end the private node in %s: %w", f, err)
	}
	return os.RemoveAll(string(f))
}

func (f folder) killRecorded(ctx context.Context, recorded string) error {
	leader, err := parseOwner(recorded)
	if err != nil {
		return err
	}
	if host, err := os.Hostname(); err != nil || host != leader.host {
		return errors.Join(err, fmt.Errorf("it runs on the host %s", leader.host))
	}
	return killSession(ctx, leader, f.beam)
}

// removeAbandonedContainers removes containers of this package, and networks. Where no daemon answers
// there are none.
func removeAbandonedContainers(ctx context.Context, out io.Writer, is abandoned) error {
	docker, err := dialDocker(ctx)
	if err != nil {
		return nil
	}
	defer docker.Close()
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	all, err := listContainers(ctx, docker)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range all {
		if !is(c.owner) {
			continue
		}
		_, err := docker.ContainerRemove(ctx, c.id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case errdefs.IsNotFound(err) || errdefs.IsConflict(err):
			// Another process was faster.
		case err != nil:
			errs = append(errs, fmt.Errorf("remove container %s: %w", c.name, err))
		default:
			fmt.Fprintf(out, "brokertest: removed the container %s\n", c.name)
		}
	}
	return errors.Join(append(errs, removeAbandonedNetworks(ctx, docker, out, is))...)
}

// ownedContainer is a container of this package, ours or another process's.
type ownedContainer struct {
	id, name, owner string
}

func listContainers(ctx context.Context, docker *client.Client) ([]ownedContainer, error) {
	marked := make(client.Filters).Add("label", ownerLabel)
	list, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: marked})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	var all []ownedContainer
	for _, item := range list.Items {
		c := ownedContainer{id: item.ID, name: strings.TrimPrefix(strings.Join(item.Names, ","), "/"), owner: item.Labels[ownerLabel]}
		// Labels cannot be changed, so a container is detached by its name.
		if strings.HasPrefix(c.name, detachedName) {
			c.owner = detachedOwner
		}
		all = append(all, c)
	}
	return all, nil
}
