// A registry that answers the referrers API, keeps blobs in a folder, and can ask for TLS and a password.
//
// It prints `host:port` on its first line of output once it listens, so that a caller may leave the port to the kernel.
package main

import (
	"crypto/subtle"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

// guarded lets only `user` with `password` pass; everybody when no user is named.
func guarded(next http.Handler, user, password string) http.Handler {
	if user == "" {
		return next
	}
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		name, word, _ := request.BasicAuth()
		sameName := subtle.ConstantTimeCompare([]byte(name), []byte(user))
		sameWord := subtle.ConstantTimeCompare([]byte(word), []byte(password))
		if sameName&sameWord != 1 {
			response.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(response, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}`, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(response, request)
	})
}

func main() {
	address := flag.String("listen", "127.0.0.1:0", "address to listen on")
	folder := flag.String("blobs", "", "folder for blobs; empty: in memory")
	certificate := flag.String("cert", "", "TLS certificate; empty: plain HTTP")
	key := flag.String("key", "", "key of the TLS certificate")
	user := flag.String("user", "", "user name that is asked for; empty: open to all")
	password := flag.String("password", "", "password of that user")
	referrers := flag.Bool("referrers", true, "answer the referrers API")
	flag.Parse()

	options := []registry.Option{registry.WithReferrersSupport(*referrers), registry.Logger(log.New(io.Discard, "", 0))}
	if *folder != "" {
		if err := os.MkdirAll(*folder, 0o755); err != nil {
			log.Fatal(err)
		}
		options = append(options, registry.WithBlobHandler(registry.NewDiskBlobHandler(*folder)))
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	handler := guarded(registry.New(options...), *user, *password)
	if *certificate == "" {
		log.Fatal(http.Serve(listener, handler))
	}
	log.Fatal(http.ServeTLS(listener, handler, *certificate, *key))
}
