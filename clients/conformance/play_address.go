package main

import (
	"fmt"
	"strings"
)

// addressScenarios are those of the addresses that an app gives to its client.
var addressScenarios = []scenario{
	{"address_spelled", "", "the server's address in other spellings: capitals, a slash, `..`", addressSpelled},
	{"address_mistaken", "", "an address that cannot work is an error before anything is sent", addressMistaken},
	{"origin_spelled", "", "an origin in other spellings gets the token", originSpelled},
	{"origin_mistaken", "", "an origin that cannot work is an error, too", originMistaken},
}

// spellings are other ways to write the address of a server on this machine.
func spellings(address string) []string {
	_, host, _ := strings.Cut(address, "://")

	return []string{
		address + "/", "HTTP://" + host, "Http://" + host + "/", address + "/sub/..", address + "/a/../b/../",
		strings.ReplaceAll(address, "127.0.0.1", "LOCALHOST"),
	}
}

// mistakes are addresses that no client may take.
func mistakes(address string) []string {
	_, host, _ := strings.Cut(address, "://")

	return []string{
		"", host, "//" + host, "/sub", "http://", "ftp://" + host, "ws://" + host, address + "?a=b", address + "#a",
		"http://ada:secret@" + host, "http://auth.example.com", "http://192.168.1.20:8080", "http://localhost.example.com",
		"http://127.0.0.1.example.com", "file:///etc/hosts",
	}
}

func addressSpelled(w *world) {
	for _, address := range spellings(w.url) {
		p := w.bare()
		p.do(command{"do": "start", "base_url": address, "store": w.store})
		u := w.nobody(fmt.Sprintf("spelling%d", len(w.all)))

		wants("sign-up at "+address, p.do(u.signUp()).Result, "signed_in")
		p.is(u.email)
		p.goesOn()
		p.do(command{"do": "sign_out"})
		p.kill()
	}
}

func addressMistaken(w *world) {
	p := w.bare()
	for _, address := range mistakes(w.url) {
		if p.takes(command{"do": "start", "base_url": address, "store": w.store}) {
			fail("the client takes %q as the address of a server", address)
		}
	}
	wants("requests", w.count(everything), 0)
}

// takes reports whether a command goes well, whatever the error is.
func (p *phone) takes(c command) bool { return p.start(c).wait().OK }

func originSpelled(w *world) {
	a := w.api()
	for _, address := range spellings(a.url) {
		p := w.bare()
		p.do(command{"do": "start", "base_url": w.url, "store": w.store, "origins": []string{address}})
		if len(w.all) == 1 {
			p.signUp()
		}

		wants("the API at "+address, p.asks(a), 200)
		shown := a.shown()
		localhost := strings.Contains(address, "LOCALHOST") // another origin than 127.0.0.1
		wants("the token was sent for "+address, shown[len(shown)-1] != "", !localhost)
		p.kill()
	}
}

func originMistaken(w *world) {
	p := w.bare()
	for _, address := range mistakes(w.api().url) {
		if p.takes(command{"do": "start", "base_url": w.url, "store": w.store, "origins": []string{address}}) {
			fail("the client takes %q as the address of an API", address)
		}
	}
}
