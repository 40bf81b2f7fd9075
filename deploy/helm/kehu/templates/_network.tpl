{{/* Pods of this release, by component; give it (list root component...). As peers of a NetworkPolicy. */}}
{{- define "kehu.network.pods" -}}
{{- $root := index . 0 -}}
{{- range rest . }}
- podSelector:
    matchLabels:
      {{- include "kehu.selector" (list $root .) | nindent 6 }}
{{- end }}
{{- end }}

{{/* One rule out: to peers by TCP. Give it (list peers port). */}}
{{- define "kehu.network.to" -}}
- to:
    {{- toYaml (index . 0) | nindent 4 }}
  ports: [{protocol: TCP, port: {{ index . 1 }}}]
{{- end }}

{{- define "kehu.network.dns" -}}
- to:
    {{- toYaml .Values.networkPolicy.dns.to | nindent 4 }}
  ports: [{protocol: UDP, port: {{ .Values.networkPolicy.dns.port }}}, {protocol: TCP, port: {{ .Values.networkPolicy.dns.port }}}]
{{- end }}

{{/* Where the database of a service is; give it (list root service). */}}
{{- define "kehu.network.database" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.postgresql.enabled -}}
{{- toYaml (list (dict "podSelector" (dict "matchLabels" (dict "cnpg.io/cluster" (include "kehu.name" (list $root (index . 1) "db")))))) -}}
{{- else -}}
{{- toYaml $root.Values.networkPolicy.databases.to -}}
{{- end -}}
{{- end }}

{{- define "kehu.network.broker" -}}
{{- if .Values.rabbitmq.enabled -}}
{{- toYaml (list (dict "podSelector" (dict "matchLabels" (dict "app.kubernetes.io/name" (include "kehu.name" (list . "broker")))))) -}}
{{- else -}}
{{- toYaml .Values.networkPolicy.broker.to -}}
{{- end -}}
{{- end }}

{{/* Who calls a service by gRPC: the gateway, its peers and the test of the release. */}}
{{- define "kehu.network.callers" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $found := list "gateway" "test" -}}
{{- range $caller := include "kehu.services" $root | fromYamlArray -}}
{{- if has $name (include "kehu.peers" $caller | fromYamlArray) }}{{ $found = append $found (printf "%s-serve" $caller) }}{{ end -}}
{{- end -}}
{{- include "kehu.network.pods" (concat (list $root) $found) -}}
{{- end }}

{{- define "kehu.network.metrics" -}}
- from:
    {{- toYaml (index . 0).Values.networkPolicy.prometheus.from | nindent 4 }}
  ports: [{protocol: TCP, port: {{ index . 1 }}}]
{{- end }}

{{- define "kehu.network.collector" -}}
{{- if .Values.settings.otlpEndpoint }}
{{ include "kehu.network.to" (list .Values.networkPolicy.collector.to .Values.networkPolicy.collector.port) }}
{{- end }}
{{- end }}

{{/* The rest of the world's HTTPS, for an issuer's keys. */}}
{{- define "kehu.network.issuer" -}}
{{- if .Values.issuer.name }}
{{ include "kehu.network.to" (list .Values.networkPolicy.issuer.to .Values.networkPolicy.issuer.port) }}
{{- end }}
{{- end }}
