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

{{- /* Who has this token may run programs on every node of the Ray cluster. */}}
{{- define "enginehouse.ray.token" -}}
- name: RAY_AUTH_MODE
  value: token
- name: RAY_AUTH_TOKEN
  valueFrom: {secretKeyRef: {name: {{ .Values.secretName }}, key: ray-token}}
{{- end }}

{{- /* A pod of a node of the Ray cluster, without its containers. */}}
{{- define "enginehouse.ray.pod" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - {name: data, emptyDir: {}}
  - {name: tmp, emptyDir: {}}
  - {name: shm, emptyDir: {medium: Memory, sizeLimit: {{ .Values.ray.sharedMemory }}}}
{{- end }}

{{- /* What the containers of all nodes of the Ray cluster have in common; its last field is the list of variables. */}}
{{- define "enginehouse.ray.container" -}}
image: {{ include "enginehouse.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "enginehouse.security" . | nindent 2 }}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
  - {name: shm, mountPath: /dev/shm}
# The probes of KubeRay want programs that the image does not have.
livenessProbe:
  exec: {command: [ray, health-check, --address, {{ .Release.Name }}-ray-head-svc:6379]}
  initialDelaySeconds: 60
  periodSeconds: 30
  timeoutSeconds: 20
  failureThreshold: 4
readinessProbe: {exec: {command: [ray, --version]}, timeoutSeconds: 20, periodSeconds: 60}
env:
  {{- include "enginehouse.ray.token" . | nindent 2 }}
  - name: RAY_kill_child_processes_on_worker_exit
    value: "0"
  - name: RAY_USAGE_STATS_ENABLED
    value: "0"
{{- end }}
