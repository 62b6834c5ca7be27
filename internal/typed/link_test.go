package typed

import "testing"

func TestLinkKey_isWhatBase64URLHas(t *testing.T) {
	t.Parallel()

	const key = "-AoysgCBUfBUvG2RMg1CF104CiyKAbSaqgjaPAk46_0_"
	for _, written := range []string{
		key, " " + key + "\r\n", key + ".", "<" + key + ">", "(" + key + ").", "«" + key + "»", key + "\u201d", key + "=", key + "%3D", key + "/", key + "?utm_source=mail",
		key + "&amp;x=y", key + "#top", key[:20] + "\r\n" + key[20:], key[:20] + " " + key[20:], key[:7] + "\u00ad" + key[7:], "\u200b" + key + "\ufeff", key[:9] + "\u200b" + key[9:],
	} {
		if got := LinkKey(written); got != key {
			t.Errorf("%q: %q", written, got)
		}
	}
	for written, want := range map[string]string{"": "", " \u200b": "", "...": "", "АБВ": "", "ab\u00e9c": "ab", "https://x/y": "https"} {
		if got := LinkKey(written); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
}
