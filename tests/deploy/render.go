// Renders the templates of a Helm chart with the functions that they use, where helm itself is not installed.
// Usage: go run render.go CHART VALUES.json RELEASE
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"text/template"
)

func empty(value any) bool {
	return value == nil || reflect.ValueOf(value).IsZero()
}

func main() {
	chart, release := os.Args[1], os.Args[3]
	var values map[string]any
	text, err := os.ReadFile(os.Args[2])
	if err == nil {
		err = json.Unmarshal(text, &values)
	}
	if err != nil {
		log.Fatal(err)
	}
	all := template.New("chart").Option("missingkey=error")
	all.Funcs(template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var out strings.Builder
			err := all.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
		"toYaml": func(value any) (string, error) { // JSON is YAML
			text, err := json.Marshal(value)
			return string(text), err
		},
		"nindent": func(width int, text string) string {
			pad := "\n" + strings.Repeat(" ", width)
			return pad + strings.ReplaceAll(text, "\n", pad)
		},
		"quote": func(value any) string { return fmt.Sprintf("%q", fmt.Sprint(value)) },
		"join": func(mark string, parts []any) string {
			texts := make([]string, len(parts))
			for n, part := range parts {
				texts[n] = fmt.Sprint(part)
			}
			return strings.Join(texts, mark)
		},
		"default": func(other, value any) any {
			if empty(value) {
				return other
			}
			return value
		},
	})
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err == nil {
		all, err = all.ParseFiles(files...)
	}
	if err != nil {
		log.Fatal(err)
	}
	data := map[string]any{
		"Values":  values,
		"Release": map[string]any{"Name": release},
		"Chart":   map[string]any{"AppVersion": "0.1.0"},
	}
	for _, file := range files {
		if filepath.Ext(file) == ".yaml" {
			fmt.Println("---")
			if err := all.ExecuteTemplate(os.Stdout, filepath.Base(file), data); err != nil {
				log.Fatal(err)
			}
		}
	}
}
