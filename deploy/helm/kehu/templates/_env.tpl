{{/* The environment of a process; give it a dict of root, name (the service), role and values (of the role). */}}
{{- define "kehu.env" -}}
{{- $root := .root -}}
{{- $keys := $root.Values.secretKeys -}}
{{- $service := index $root.Values.services .name -}}
- name: KEHU_DATABASE_URL
  valueFrom:
    secretKeyRef:
      {{- if $root.Values.postgresql.enabled }}
      name: {{ include "kehu.name" (list $root .name "db") }}-app
      key: uri
      {{- else }}
      name: {{ $service.existingSecret }}
      key: {{ $keys.database }}
      {{- end }}
{{- if ne .role "serve" }}
- name: KEHU_BROKER_URL
  valueFrom:
    secretKeyRef:
      {{- if $root.Values.rabbitmq.enabled }}
      name: {{ include "kehu.name" (list $root "broker") }}-default-user
      key: connection_string
      {{- else }}
      name: {{ $service.existingSecret }}
      key: {{ $keys.broker }}
      {{- end }}
{{- else }}
- name: KEHU_PAGE_TOKEN_KEY
  valueFrom: {secretKeyRef: {name: {{ $service.existingSecret }}, key: {{ $keys.pageTokens }}}}
{{- end }}
{{- range $name, $value := include "kehu.settings" . | fromYaml }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Every setting that is no secret: what follows from the chart, then what was given, the nearest last. */}}
{{- define "kehu.settings" -}}
{{- $root := .root -}}
{{- $name := .name -}}
{{- $made := dict "KEHU_LOG_LEVEL" $root.Values.settings.logLevel -}}
{{- if ne .role "migrate" -}}
{{- $_ := set $made "KEHU_METRICS_ADDRESS" "0.0.0.0:9090" -}}
{{- $_ := set $made "KEHU_TRACE_RATIO" (include "kehu.traceRatio" (list $root .role)) -}}
{{- with $root.Values.settings.otlpEndpoint }}{{ $_ := set $made "KEHU_OTLP_ENDPOINT" . }}{{ end -}}
{{- end -}}
{{- if eq .role "serve" -}}
{{- $_ := set $made "KEHU_GRPC_ADDRESS" "0.0.0.0:50051" -}}
{{- $_ := set $made "KEHU_DRAIN_SECONDS" (toString .values.drainSeconds) -}}
{{- $_ := set $made "KEHU_REFLECTION" (toString $root.Values.settings.reflection) -}}
{{- $_ := set $made "KEHU_JWKS_FILE" (printf "/etc/kehu/jwks/%s" $root.Values.jwks.key) -}}
{{- $_ := set $made "KEHU_SERVICE_KEY_FILE" (printf "/etc/kehu/keys/%s" $root.Values.secretKeys.serviceKey) -}}
{{- with $root.Values.issuer -}}
{{- if .name -}}
{{- $_ := set $made "KEHU_TOKEN_ISSUER" .name -}}
{{- $_ := set $made "KEHU_TOKEN_AUDIENCES" .audience -}}
{{- $_ := set $made "KEHU_JWKS_URI" .jwksUri -}}
{{- end -}}
{{- end -}}
{{- if $root.Values.mutualTls.enabled -}}
{{- $_ := set $made "KEHU_TLS_CERT_FILE" "/etc/kehu/mutual/tls.crt" -}}
{{- $_ := set $made "KEHU_TLS_KEY_FILE" "/etc/kehu/mutual/tls.key" -}}
{{- $_ := set $made "KEHU_TLS_CA_FILE" "/etc/kehu/mutual/ca.crt" -}}
{{- end -}}
{{- range include "kehu.peers" $name | fromYamlArray -}}
{{- $_ := set $made (printf "KEHU_PEERS_%s" (upper .)) (printf "%s:50051" (include "kehu.address" (list $root . "serve"))) -}}
{{- end -}}
{{- end -}}
{{- if eq (include "kehu.sealed" .) "true" -}}
{{- $_ := set $made "KEHU_KEYRING_FILE" (printf "/etc/kehu/keys/%s" $root.Values.secretKeys.keyring) -}}
{{- end -}}
{{- $service := index $root.Values.services $name -}}
{{- toYaml (merge (deepCopy .values.env) (deepCopy $service.env) (deepCopy $root.Values.env) $made) -}}
{{- end }}

{{/* The share of the traces started in a role that are recorded; give it (list root role). */}}
{{- define "kehu.traceRatio" -}}
{{- $settings := (index . 0).Values.settings -}}
{{- $own := default dict $settings.traceRatios -}}
{{- $role := index . 1 -}}
{{- hasKey $own $role | ternary (get $own $role) $settings.traceRatio -}}
{{- end }}

{{/* The services that a service calls. */}}
{{- define "kehu.peers" -}}
{{- if eq . "orders" }}[members, campaigns]{{ else }}[]{{ end -}}
{{- end }}

{{/* Whether a process opens what is sealed: members and orders do, but no relay, and only members while migrating. */}}
{{- define "kehu.sealed" -}}
{{- $roles := get (dict "members" (list "serve" "consume" "migrate") "orders" (list "serve" "consume")) .name -}}
{{- has .role (default list $roles) -}}
{{- end }}

{{/* The keys that the Secret of a service has to have; give it (list root service). */}}
{{- define "kehu.secretKeys" -}}
{{- $values := (index . 0).Values -}}
{{- $keys := $values.secretKeys -}}
{{- $found := list $keys.pageTokens $keys.serviceKey -}}
{{- if not $values.postgresql.enabled }}{{ $found = append $found $keys.database }}{{ end -}}
{{- if not $values.rabbitmq.enabled }}{{ $found = append $found $keys.broker }}{{ end -}}
{{- if eq (include "kehu.sealed" (dict "name" (index . 1) "role" "serve")) "true" }}{{ $found = append $found $keys.keyring }}{{ end -}}
{{- toYaml $found -}}
{{- end }}
