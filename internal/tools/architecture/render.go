package main

import (
	"bytes"
	"fmt"
	"html"
	"slices"
	"strings"
)

// The measures of the drawing, in pixels.
const (
	width     = 1000
	margin    = 16
	rowGap    = 14
	boxHeight = 30
	boxGap    = 8
	letter    = 7.6 // the width of a letter of the labels
)

// list is a table of the packages, the highest layer first.
func list(layers [][]string, sentences map[string]string) []byte {
	var b bytes.Buffer
	b.WriteString("\n| layer | package | what it is for |\n| --- | --- | --- |\n")
	for n, layer := range slices.Backward(layers) {
		for _, name := range slices.Sorted(slices.Values(layer)) {
			fmt.Fprintf(&b, "| %d | `%s` | %s |\n", n+1, name, cell(sentences[name]))
		}
	}
	b.WriteString("\n")

	return b.Bytes()
}

func cell(sentence string) string { return strings.ReplaceAll(sentence, "|", "\\|") }

// draw makes a picture: a row for each layer, the highest on top, a box for each package.
func draw(layers [][]string) []byte {
	var body bytes.Buffer
	y := margin
	for n, layer := range slices.Backward(layers) {
		y = drawLayer(&body, n+1, slices.Sorted(slices.Values(layer)), y) + rowGap
	}

	var b bytes.Buffer
	height := y - rowGap + margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13" role="img">`+"\n", width, height)
	b.WriteString("<title>The packages of the server, in layers: a package imports only packages of lower layers</title>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	b.Write(body.Bytes())
	b.WriteString("</svg>\n")

	return b.Bytes()
}

// drawLayer draws a row from y on, in as many lines as its boxes need, and returns where it ends.
func drawLayer(b *bytes.Buffer, number int, names []string, y int) int {
	var boxes bytes.Buffer
	left := margin + 40
	x, line := left, y+boxGap
	for _, name := range names {
		label := strings.TrimPrefix(name, "internal/")
		boxWidth := int(float64(len(label))*letter) + 18
		if x+boxWidth > width-margin-boxGap {
			x, line = left, line+boxHeight+boxGap
		}

		fmt.Fprintf(&boxes, `<rect x="%d" y="%d" width="%d" height="%d" rx="5" fill="#ffffff" stroke="#3b5b8c"/>`+"\n", x, line, boxWidth, boxHeight)
		fmt.Fprintf(&boxes, `<text x="%d" y="%d" text-anchor="middle" fill="#14243d">%s</text>`+"\n", x+boxWidth/2, line+20, html.EscapeString(label))
		x += boxWidth + boxGap
	}

	end := line + boxHeight + boxGap
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="#eaf0f9"/>`+"\n", margin, y, width-2*margin, end-y)
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="#5b6b84">%d</text>`+"\n", margin+12, y+boxGap+20, number)
	b.Write(boxes.Bytes())

	return end
}
