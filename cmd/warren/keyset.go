package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/encryption"
)

func (c *cli) keyset() *cobra.Command {
	return c.group("keyset", "Make the keys that payloads are encrypted with", c.keysetNew(), c.keysetRotate())
}

func (c *cli) keysetNew() *cobra.Command {
	return &cobra.Command{
		Use:   "new FILE",
		Short: "Write a new key set with one key and print the key's ID",
		Long: "New writes a key set to a file that does not exist yet and that its owner alone may read. It is in clear:\n" +
			"whoever can read the file can decrypt every task. Without the file nobody can.",
		Example: "  warren keyset new keyset.json",
		Args:    cobra.ExactArgs(1),
		RunE: c.begin(func(_ context.Context, args []string) error {
			data, err := encryption.GenerateKeyset()
			if err != nil {
				return err
			}
			if err := create(args[0], data); err != nil {
				return fmt.Errorf("write the key set: %w", err)
			}
			return c.printPrimary(data)
		}),
	}
}

func (c *cli) keysetRotate() *cobra.Command {
	return &cobra.Command{
		Use:   "rotate FILE",
		Short: "Add a key to a key set, have it encrypt from now on, and print its ID",
		Long: "Rotate adds a key and makes it the primary one; the others go on to decrypt what they have encrypted. The file\n" +
			"is replaced in one step. Give it to the workers and restart them first, then to whatever enqueues: a worker\n" +
			"that does not know the new key makes its tasks dead letters.",
		Example: "  warren keyset rotate keyset.json",
		Args:    cobra.ExactArgs(1),
		RunE: c.begin(func(_ context.Context, args []string) error {
			path, err := filepath.EvalSymlinks(args[0])
			if err != nil {
				return usageError{fmt.Errorf("read the key set: %w", err)}
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return usageError{fmt.Errorf("read the key set: %w", err)}
			}
			if data, err = encryption.RotateKeyset(data); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := replace(path, data); err != nil {
				return fmt.Errorf("write the key set: %w", err)
			}
			return c.printPrimary(data)
		}),
	}
}

func (c *cli) printPrimary(data []byte) error {
	keys, err := encryption.ParseKeyset(data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.stdout, keys.Primary())
	return err
}

// create writes a file that must not exist, and that its owner alone may read.
func create(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%w; nothing is overwritten: what its keys have encrypted nobody could read any more", err)}
	}
	if err != nil {
		return err
	}
	return fill(file, data)
}

// replace puts a file that its owner alone may read in the place of another, whole or not at all.
func replace(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	if err := fill(file, data); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// fill writes a file and closes it, and leaves none where that fails.
func fill(file *os.File, data []byte) error {
	_, err := file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
