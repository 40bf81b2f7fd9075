{{/* The first part of every object's name: the release. Names stay under 52 characters, the limit of a CronJob's. */}}
{{- define "kehu.base" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 30 | trimSuffix "-" -}}
{{- end }}

{{/* <release>-<service>-<role>; give it (list root service role). */}}
{{- define "kehu.name" -}}
{{- $root := index . 0 -}}
{{- printf "%s-%s" (include "kehu.base" $root) (join "-" (rest .)) -}}
{{- end }}

{{/* The enabled services, as a YAML list. */}}
{{- define "kehu.services" -}}
{{- $found := list -}}
{{- range $name, $service := .Values.services -}}
{{- if $service.enabled }}{{ $found = append $found $name }}{{ end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{/* An image by tag or, better, by digest; give it an image's values and the tag to fall back to. */}}
{{- define "kehu.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default (index . 1) $image.tag) -}}
{{- end -}}
{{- end }}

{{/* Where a service answers gRPC: every replica's address, for clients that balance by themselves. */}}
{{- define "kehu.address" -}}
{{- include "kehu.name" . -}}
{{- end }}
