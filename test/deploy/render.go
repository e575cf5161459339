// Renders the Helm chart as `helm template` would, with the same template engine and functions, for a machine without
// Helm: render CHART VALUES.json RELEASE NAMESPACE prints a JSON object of file -> text. YAML that Helm's toYaml writes
// is written as JSON here, which is YAML as well.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type files struct{ chart string }

func (f files) Get(name string) string {
	text, err := os.ReadFile(filepath.Join(f.chart, name))
	if err != nil {
		return ""
	}
	return string(text)
}

func toJSON(value interface{}) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return strings.TrimSuffix(text.String(), "\n"), err
}

func main() {
	chart, release, namespace := os.Args[1], os.Args[3], os.Args[4]
	var values, about map[string]interface{}
	text, err := os.ReadFile(os.Args[2])
	must(err)
	// {"values": …, "chart": the content of Chart.yaml}
	var input map[string]map[string]interface{}
	must(json.Unmarshal(text, &input))
	values, about = input["values"], map[string]interface{}{}
	for key, value := range input["chart"] {
		about[strings.ToUpper(key[:1])+key[1:]] = value
	}

	all := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	delete(functions, "env")
	delete(functions, "expandenv")
	functions["toYaml"] = toJSON
	functions["toJson"] = toJSON
	functions["required"] = func(words string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(words)
		}
		return value, nil
	}
	functions["fail"] = func(words string) (string, error) { return "", errors.New(words) }
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	all.Funcs(functions)
	paths, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	must(err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		must(err)
		_, err = all.New(filepath.Base(path)).Parse(string(text))
		must(err)
	}
	context := map[string]interface{}{
		"Values":  values,
		"Chart":   about,
		"Release": map[string]interface{}{"Name": release, "Namespace": namespace, "Service": "Helm"},
		"Files":   files{chart},
	}
	rendered := map[string]string{}
	for _, path := range paths {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var out bytes.Buffer
		must(all.ExecuteTemplate(&out, name, context))
		rendered[name] = out.String()
	}
	must(json.NewEncoder(os.Stdout).Encode(rendered))
}
