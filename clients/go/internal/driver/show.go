package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
)

// show is what printing makes of each public object of the client, one after another.
func (c *client) show(ctx context.Context) string {
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil))
	api := c.session.API()
	objects := []any{c.session, api, api.ClientInterface, c.session.Tokens(), c.http, c.http.Transport}

	if got, err := api.GetSessionWithResponse(ctx); err == nil {
		objects = append(objects, got, got.JSON200, got.JSON401, string(got.Body))
	}
	if got, err := c.get(ctx); err == nil {
		objects = append(objects, got, got.Request, got.Request.Header)
		_ = got.Body.Close()
	}
	for _, object := range objects {
		show(&b, log, object)
	}

	show(&b, log, reflect.ValueOf(c.session).Elem().Interface()) // a copy, as no program should make it

	return b.String()
}

func show(b *bytes.Buffer, log *slog.Logger, object any) {
	_, _ = fmt.Fprintf(b, "%v\n%+v\n%#v\n%s\n%q\n%d\n", object, object, object, object, object, object)
	if text, err := json.Marshal(object); err == nil {
		b.Write(append(text, '\n'))
	}
	log.Info("shown", "object", object)
}

func (c *client) get(ctx context.Context) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+profilePath, nil)
	if err != nil {
		return nil, err
	}

	return c.http.Do(r)
}
