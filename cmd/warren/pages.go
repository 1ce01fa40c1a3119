package main

// pageRows is how many rows are held to find out how wide their columns are.
const pageRows = 200

// pages is a table that is too long to be held: it is written in pages, as its rows come. Only the first
// has titles, and the columns of a later one are at least as wide.
type pages struct {
	table
	to   *output
	size int // rows of a page
}

func (c *cli) pages(size int, columns ...column) pages {
	return pages{table: table{columns: columns}, to: c.stdout, size: size}
}

// add adds a row, and writes the page that it completes.
func (p *pages) add(cells ...string) error {
	p.table.add(cells...)
	if len(p.rows) >= p.size {
		return p.flush()
	}
	return nil
}

// flush writes the rows that are held.
func (p *pages) flush() error {
	if len(p.rows) == 0 {
		return nil
	}
	err := p.write(p.to, p.to.width())
	p.widths, p.rows = p.measure(), nil
	return err
}
