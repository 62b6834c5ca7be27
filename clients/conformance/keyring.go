package main

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// keyOrigin is where the person's passkeys are used: an origin that `latchkey dev` knows.
const keyOrigin = "http://localhost:8081"

// keyring holds the person's passkeys, and stands for the device's prompt. A driver brings it
// the options and gets the answer.
type keyring struct {
	url      string
	listener *http.Server
	key      *softkey.Key

	mu      sync.Mutex
	dismiss int // prompts that the person dismisses
}

func startKeyring() (*keyring, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	k := &keyring{url: "http://" + listener.Addr().String() + "/", key: softkey.New(keyOrigin)}
	k.listener = &http.Server{Handler: k, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = k.listener.Serve(listener) }() // until close
	return k, nil
}

func (k *keyring) close() { _ = k.listener.Close() }

// dismissed makes the person dismiss the next prompt.
func (k *keyring) dismissed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dismiss++
}

// ServeHTTP is one prompt.
func (k *keyring) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	options, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dismiss > 0 {
		k.dismiss--
		w.WriteHeader(http.StatusNoContent)
		return
	}
	defer func() {
		// The authenticator panics at what are no options: the client has mangled them.
		if wrong := recover(); wrong != nil {
			http.Error(w, "these are no options", http.StatusBadRequest)
		}
	}()
	answer := k.key.Assert(options)
	w.Header().Set("Content-Type", jsonType)
	_, _ = w.Write(answer) // a driver that is gone needs no answer
}
