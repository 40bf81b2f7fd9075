{{/* What never changes of an object's labels, for selectors; give it (list root component). */}}
{{- define "kehu.selector" -}}
app.kubernetes.io/name: kehu
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "kehu.labels" -}}
{{ include "kehu.selector" . }}
app.kubernetes.io/part-of: kehu
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- with (index . 0).Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Of pods: without what changes with a chart, so that only what matters makes new pods. */}}
{{- define "kehu.podLabels" -}}
{{ include "kehu.selector" . }}
app.kubernetes.io/part-of: kehu
{{- with (index . 0).Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}
