{{- define "feed-server.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "feed-server.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "feed-server.labels" -}}
{{ include "feed-server.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "feed-server.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* Mistakes that Kubernetes would not notice. */ -}}
{{- define "feed-server.checks" -}}
{{- $url := dig "store" "url" "file:./data" .Values.config -}}
{{- $embedded := hasPrefix "file:" $url -}}
{{- if and $embedded (gt (int .Values.replicas) 1) -}}
{{- fail "config.store.url names an embedded store, which one replica has alone: set replicas to 1, or store.url to a PostgreSQL server" -}}
{{- end -}}
{{- if and $embedded (not .Values.persistence.enabled) -}}
{{- fail "config.store.url names an embedded store: set persistence.enabled and store.url to file:/data, or everything is lost with the pod" -}}
{{- end -}}
{{- if and .Values.persistence.enabled (ne $url "file:/data") -}}
{{- fail "persistence is for the embedded store: set config.store.url to file:/data, or persistence.enabled to false" -}}
{{- end -}}
{{- if not (dig "auth" "keys" list .Values.config) -}}
{{- fail "config.auth.keys is empty: without keys the server answers on loopback only, and no pod could reach it" -}}
{{- end -}}
{{- end -}}
