package programs

import (
	"path/filepath"
	"runtime"
	"strings"
)

// archive is one file of io.zonky.test.postgres:embedded-postgres-binaries-* in a Maven
// repository. The archives contain initdb, pg_ctl and postgres with the libraries that these
// need, OpenSSL 1.1.1 and ICU 60 among them: good for development and tests, and for nothing else.
type archive struct {
	platform string // as in the artifact's name
	version  string
	sum      string // SHA-256, hexadecimal
	size     int64  // bytes
}

// majors are the versions that LATCHKEY_POSTGRES_VERSION can name.
var majors = []string{"15", "16", "17", "18"}

// archives are all that may be fetched, the newest of a platform first. Not every artifact exists
// in every version, so each platform has its own.
//
// Security: an archive is accepted by its sum alone. The sums are part of the source, so neither
// the repository nor a mirror can change what runs (TestFetch_anArchiveThatIsWrongByOneByte).
var archives = []archive{
	{"linux-amd64", "18.6.0", "008ee189eaa7ca2b58bd01dd950291e638b998392cf982297acd4779ec898ac1", 15119738},
	{"linux-amd64", "17.11.0", "0dd7b72b6f335b8ecfb355fa24c5781e8a93edd09880bb77eb52ebbf29b3e96d", 14987378},
	{"linux-amd64", "16.15.0", "653abc065c682b85d3da50168fb95dc524bd85426cdec9ce3695a550ef431df2", 14737226},
	{"linux-amd64", "15.19.0", "95f0b66fe72d4ca66c815773c44cb1196ea38552463e89a35f18114b3ed1565f", 14629992},
	{"linux-arm64v8", "18.6.0", "5f54e016723afa6213925a8acb939bac52944b1d348f65c7a20f0cd2928c31be", 14142322},
	{"linux-arm64v8", "17.11.0", "8b042e0ea418b1927d95399207950da0734d27fe01e29503ade3bdc464ad4c2b", 14015430},
	{"linux-arm64v8", "16.15.0", "f846a9989d686b7977d6eca9bc9d8b2b69e3f70c7eb60e032197d9c574a6136c", 13744494},
	{"linux-arm64v8", "15.19.0", "95baf4bd4af31b91b3050118df59388ed0064756b556b850669e0300aa7b9911", 13686798},
	{"linux-amd64-alpine", "18.6.0", "1568b3805c3a3b99b5f4f0d7f6cf16e2a39075462ed47a614bfbabd92508350d", 14856560},
	{"linux-amd64-alpine", "17.11.0", "ace9a6f95b1c98ce84c9841267cd04ebee5d7de5dc7b8fea148ead44f145afbd", 14730308},
	{"linux-amd64-alpine", "16.15.0", "6bcfdb579fae7fb11e6ea2dba2cc8086c14cc58506db49ad36ce4d70de250dd6", 14520043},
	{"linux-amd64-alpine", "15.19.0", "a04a72fb429fed3624507f54244a69f43be491c67f744e58c1a3696a67262aab", 14368642},
	{"linux-arm64v8-alpine", "16.15.0", "1842bbbb3232a9f14fe86609d902f76a9b763b11f9bd1c46c1c33b6a2c874409", 14000067},
	{"darwin-amd64", "18.4.0", "68381ed1488edd337345c6c4bc6ae0c823832a4dd7af8b04656ee5c218c291b5", 33142772},
	{"darwin-amd64", "17.11.0", "d464ff178e9860ba204662ac23fa547504b7fd392392ff2fb92e3fd73b5bdb64", 62141006},
	{"darwin-amd64", "16.15.0", "1229188b99515d2160d5cb6222bc96d9c5f3a248268df3bc2dfe0047e6c233d8", 61884586},
	{"darwin-amd64", "15.19.0", "11d0a55e26f4c74c6ea6c72c5e4e6ac959b29a06cc6da5e5ac8162f9fd9f8055", 61269320},
	{"darwin-arm64v8", "18.4.0", "ab698c4486a795d2aa8a158b3a41e1201a77e7ff72a6255094cd5900080853c2", 33143779},
	{"darwin-arm64v8", "17.11.0", "a1c2786acb0c398f9b2d76806fc52f5dc8b222cbc8e9383a9b9702084daaf3a5", 62141006},
	{"darwin-arm64v8", "16.15.0", "65b953905f0a4d46030767a6b44a52360170d69a7985f1b02aa435f2f6256a83", 61884586},
	{"darwin-arm64v8", "15.19.0", "9bfc44d3f50298bb14fa125da4b67a36f382f8134ab2fc95349b72bcd5ec4e87", 61269320},
}

// choose returns the archive for a platform and a major version; "" is the newest.
func choose(platform, major string) (archive, bool) {
	for _, a := range archives {
		if a.platform == platform && (major == "" || a.major() == major) {
			return a, true
		}
	}

	return archive{}, false
}

func (a archive) major() string {
	major, _, _ := strings.Cut(a.version, ".")

	return major
}

// path is where the archive is in a Maven repository.
func (a archive) path() string {
	artifact := "embedded-postgres-binaries-" + a.platform

	return "io/zonky/test/postgres/" + artifact + "/" + a.version + "/" + artifact + "-" + a.version + ".jar"
}

// name is the directory of the unpacked archive in the cache.
func (a archive) name() string { return a.version + "-" + a.platform }

// platform is this machine's, as artifacts are named.
func platform() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}

	name := runtime.GOOS + "-" + arch
	if musl, _ := filepath.Glob("/lib/ld-musl-*"); runtime.GOOS == "linux" && len(musl) > 0 {
		name += "-alpine"
	}

	return name
}
