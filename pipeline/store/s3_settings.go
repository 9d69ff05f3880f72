package store

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"gopkg.in/ini.v1"

	"fragua/pipeline/fault"
)

// awsSettings are where the server is and who we are, found as the AWS tools find
// them: environment, then the shared files, then the machine's role.
type awsSettings struct {
	endpoint, region, profile string
	key, secret, token        string // of the environment
	credentialsFile           string
}

func readAWSSettings() (awsSettings, error) {
	home, _ := os.UserHomeDir() // without one there are no shared files
	config := cmp.Or(os.Getenv("AWS_CONFIG_FILE"), filepath.Join(home, ".aws", "config"))
	s := awsSettings{
		profile: cmp.Or(os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE"), "default"),
		key:     os.Getenv("AWS_ACCESS_KEY_ID"), secret: os.Getenv("AWS_SECRET_ACCESS_KEY"), token: os.Getenv("AWS_SESSION_TOKEN"),
		credentialsFile: cmp.Or(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), filepath.Join(home, ".aws", "credentials")),
	}
	file, err := ini.LooseLoad(config) // a missing file is empty
	if err != nil {
		return s, fault.Hintf(fmt.Errorf("%s: %w", config, err), "correct the file, or name another with AWS_CONFIG_FILE")
	}
	section := "profile " + s.profile
	if s.profile == "default" {
		section = s.profile
	}
	get := func(k string) string { return file.Section(section).Key(k).String() }
	s.region = cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), get("region"))
	s.endpoint = cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), get("endpoint_url"))
	if s.endpoint == "" {
		s.endpoint = "https://s3.amazonaws.com"
	} else {
		s.region = cmp.Or(s.region, "us-east-1") // other servers have one region, and most call it so
	}
	return s, nil
}

func (s awsSettings) credentials() *credentials.Credentials {
	if s.key != "" && s.secret != "" {
		return credentials.NewStaticV4(s.key, s.secret, s.token)
	}
	chain := []credentials.Provider{&credentials.FileAWSCredentials{Filename: s.credentialsFile, Profile: s.profile}}
	if os.Getenv("AWS_EC2_METADATA_DISABLED") != "true" {
		chain = append(chain, &credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}})
	}
	return credentials.New(found{&credentials.Chain{Providers: chain}, s})
}

// found is a chain that does not fall back to being nobody.
type found struct {
	*credentials.Chain
	s awsSettings
}

func (f found) Retrieve() (credentials.Value, error) { return f.RetrieveWithCredContext(nil) }

func (f found) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	v, err := f.Chain.RetrieveWithCredContext(cc)
	if err == nil && v.AccessKeyID == "" {
		err = fault.Hintf(fmt.Errorf("no credentials for S3: none in the environment, and no profile %q in %s", f.s.profile, f.s.credentialsFile),
			"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
	}
	return v, err
}
