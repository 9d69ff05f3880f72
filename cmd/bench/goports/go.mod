module goports

go 1.26.0

require (
	github.com/dlclark/regexp2 v1.11.5
	github.com/dlclark/regexp2/v2 v2.5.1
	github.com/google/uuid v1.3.0
	github.com/pkoukk/tiktoken-go v0.1.8
	github.com/tiktoken-go/tokenizer v0.10.0
)
