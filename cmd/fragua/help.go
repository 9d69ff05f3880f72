package main

import "github.com/urfave/cli/v2"

// category puts commands under one heading of the help.
func category(name string, commands ...*cli.Command) []*cli.Command {
	for _, c := range commands {
		c.Category = name
	}
	return commands
}

// helpTemplate lists the commands in the order in which one meets them. The library's
// own template sorts the headings by name.
const helpTemplate = `{{.Name}}: {{.Usage}}

   {{wrap .UsageText 3}}
{{$heading := ""}}{{$column := offsetCommands .VisibleCommands 5}}{{range .VisibleCommands}}{{if .Category}}{{if ne .Category $heading}}{{$heading = .Category}}

{{$heading}}{{end}}
  {{$name := .Name}}{{$name}}{{indent (subtract $column (offset $name 2)) ""}}{{wrap .Usage $column}}{{end}}{{end}}

A command's flags and examples: fragua COMMAND --help
`
