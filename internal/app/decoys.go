package app

import (
	"context"
	"time"
)

// decoysEvery is how often a server looks which hashes of other systems are left.
const decoysEvery = 10 * time.Minute

// loadDecoys tells the hash gate which hashes of other systems users have.
func (a *App) loadDecoys(ctx context.Context) error {
	sample, err := a.DB.ListForeignHashes(ctx)
	if err != nil {
		return err
	}
	if len(sample) == 0 {
		a.Gate.SetDecoys(nil, 0)
		return nil
	}

	count, err := a.DB.CountPasswords(ctx)
	if err != nil {
		return err
	}
	a.Gate.SetDecoys(sample, float64(count.Other)/float64(max(count.Total, 1)))

	return nil
}

// followDecoys loads the decoys again and again. In an outage the ones of before stay.
func (a *App) followDecoys(ctx context.Context) {
	every(ctx, decoysEvery, func() bool {
		if err := a.loadDecoys(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("the kinds of password hashes cannot be read", "cause", err.Error())
		}

		return true
	})
}
