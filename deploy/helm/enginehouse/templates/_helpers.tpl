{{- define "enginehouse.labels" -}}
app.kubernetes.io/name: enginehouse
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "enginehouse.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* Nobody in the container is root, and nothing but the data folder can be written to. */}}
{{- define "enginehouse.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}
