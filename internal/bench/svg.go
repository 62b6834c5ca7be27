package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// draw writes a picture of the comparison with other servers: one bar for each path, as long as its ratio.
func (r *report) draw(file string) error {
	const left, bar, height, step = 260, 380, 22, 34

	type row struct {
		what  string
		ratio float64
	}
	var rows []row
	longest := 1.0
	for _, p := range r.Paths {
		if p.Opponent != "" {
			rows = append(rows, row{p.What + ", of " + p.Opponent, p.Ratio[1]})
			longest = max(longest, p.Ratio[1])
		}
	}
	if len(rows) == 0 {
		return errors.New("-svg: nothing was compared with another server (-peers)")
	}

	var s strings.Builder
	total := 50 + step*len(rows)
	_, _ = fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img">`+"\n",
		left+bar+80, total)
	_, _ = fmt.Fprintf(&s, `<title>Requests a second, as a multiple of the other server's in the same run</title>`+"\n")
	_, _ = fmt.Fprintf(&s, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	_, _ = fmt.Fprintf(&s, `<text x="10" y="20">Requests a second, as a multiple of the other server's in the same run</text>`+"\n")
	for n, one := range rows {
		y := 36 + step*n
		long := int(one.ratio / longest * bar)
		_, _ = fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-10, y+16, one.what)
		_, _ = fmt.Fprintf(&s, `<rect x="%d" y="%d" width="%d" height="%d" fill="#2563eb"/>`+"\n", left, y, long, height)
		_, _ = fmt.Fprintf(&s, `<text x="%d" y="%d">%.1f</text>`+"\n", left+long+8, y+16, one.ratio)
	}
	one := left + int(bar/longest)
	_, _ = fmt.Fprintf(&s, `<line x1="%d" y1="30" x2="%d" y2="%d" stroke="#111827" stroke-dasharray="3 3"/>`+"\n", one, one, total-14)
	s.WriteString("</svg>\n")

	return os.WriteFile(file, []byte(s.String()), 0o644)
}
