{{/* Envoy's configuration: the text that gateway/ wrote, with this release's addresses and limits. */}}
{{- define "kehu.gateway.configuration" -}}
{{- $context := include "kehu.gateway.context" . | fromYaml -}}
{{- tpl (.Files.Get "files/envoy.yaml.gotmpl") (set $context "Template" .Template) -}}
{{- end }}

{{/* What that text asks for. */}}
{{- define "kehu.gateway.context" -}}
{{- $gateway := .Values.gateway -}}
upstreams:
  {{- range list "campaigns" "members" "orders" "pipeline" }}
  {{ . }}: {{ include "kehu.address" (list $ . "serve") }}
  {{- end }}
jwks: {{ .Values.jwks.key }}
trustedHops: {{ $gateway.trustedHops }}
tracePercent: {{ mulf (include "kehu.traceRatio" (list . "gateway") | float64) 100 }}
{{- /* A pattern is a text in JSON here, for it stands in YAML there. */}}
origins: {{ include "kehu.gateway.origins" . | quote }}
limits:
  {{- include "kehu.gateway.limits" . | nindent 2 }}
under:
  {{- include "kehu.gateway.under" . | nindent 2 }}
tls: {{ $gateway.tls.enabled }}
mutual: {{ .Values.mutualTls.enabled }}
{{- with .Values.settings.otlpEndpoint }}
{{- $url := urlParse . }}
collector:
  endpoint: {{ trimSuffix "/" . }}
  host: {{ $url.hostname }}
  port: {{ include "kehu.port" $url }}
{{- end }}
{{- with .Values.issuer }}
{{- if .name }}
{{- $url := urlParse .jwksUri }}
issuer:
  name: {{ .name | quote }}
  audience: {{ .audience | quote }}
  jwksUri: {{ .jwksUri }}
  host: {{ $url.hostname }}
  port: {{ include "kehu.port" $url }}
{{- end }}
{{- end }}
{{- end }}

{{- define "kehu.gateway.origins" -}}
{{- $found := list -}}
{{- range .Values.gateway.origins -}}
{{- $found = append $found (dict "safe_regex" (dict "regex" .)) -}}
{{- end -}}
{{- toJson $found -}}
{{- end }}

{{- define "kehu.gateway.limits" -}}
{{- $factor := include "kehu.peaks.factor" . | float64 -}}
{{- range $name, $limit := .Values.gateway.limits }}
{{- if not (hasSuffix "PerReplica" $name) }}
{{ $name }}: {{ has $name (list "connections" "heapBytes") | ternary $limit (mulf $limit $factor | ceil) | int64 }}
{{- end }}
{{- end }}
{{- end }}

{{/* What each service may have under way through one gateway pod: what a replica may, times the replicas for each gateway
     pod, be both at their least, at their most or as a peak wants them, whichever is more. */}}
{{- define "kehu.gateway.under" -}}
{{- $limits := .Values.gateway.limits -}}
{{- $gateway := .Values.gateway -}}
{{- range $service := list "campaigns" "members" "orders" "pipeline" -}}
{{- $component := printf "%s-serve" $service -}}
{{- $serve := include "kehu.component" (list $ $component) | fromYaml -}}
{{- $share := divf (include "kehu.scaling.least" $serve) (include "kehu.scaling.least" $gateway) -}}
{{- $share = maxf $share (divf (include "kehu.scaling.most" $serve) (include "kehu.scaling.most" $gateway)) -}}
{{- range $peak := $.Values.peaks -}}
{{- $replicas := include "kehu.peaks.replicas" (list $ $peak $component) -}}
{{- $share = maxf $share (divf $replicas (include "kehu.peaks.replicas" (list $ $peak "gateway"))) -}}
{{- end }}
{{ $service }}:
  calls: {{ mulf $limits.callsPerReplica $share | ceil | int64 }}
  streams: {{ mulf $limits.streamsPerReplica $share | ceil | int64 }}
{{- end }}
{{- end }}

{{/* The port of a parsed URL, the usual one of its scheme if it names none. */}}
{{- define "kehu.port" -}}
{{- $usual := ternary "443" "80" (eq .scheme "https") -}}
{{- default $usual (regexFind "[0-9]+$" (regexFind ":[0-9]+$" .host)) -}}
{{- end }}

{{/* The port that callers come in by. */}}
{{- define "kehu.gateway.port" -}}
{{- ternary "https" "http" .Values.gateway.tls.enabled -}}
{{- end }}
