{{/* What the schema can't say: rules between values. All that is wrong is told at once, a sentence each. */}}
{{- define "kehu.validate" -}}
{{- $wrong := list -}}
{{- range list "images" "secrets" "scaling" "stopping" "network" "doors" "order" "peaks" -}}
{{- $wrong = concat $wrong (include (printf "kehu.validate.%s" .) $ | fromYamlArray) -}}
{{- end -}}
{{- with $wrong -}}
{{- fail (printf "\n\nThese values can't be used:\n- %s\n" (join "\n- " .)) -}}
{{- end -}}
{{- end }}

{{- define "kehu.validate.images" -}}
{{- $wrong := list -}}
{{- if not .Values.image.repository }}{{ $wrong = append $wrong "image.repository is empty: say where the image of the services lies." }}{{ end -}}
{{- range $key, $image := dict "image" .Values.image "gateway.image" .Values.gateway.image -}}
{{- if and (eq $image.tag "latest") (not $image.digest) }}{{ $wrong = append $wrong (printf "%s.tag is latest, which is another image tomorrow: name a version or a digest." $key) }}{{ end -}}
{{- end -}}
{{- toYaml $wrong -}}
{{- end }}

{{- define "kehu.validate.secrets" -}}
{{- $wrong := list -}}
{{- range $name := include "kehu.services" . | fromYamlArray -}}
{{- if not (index $.Values.services $name).existingSecret }}{{ $wrong = append $wrong (printf "services.%s.existingSecret is empty: name the Secret with the keys %s." $name (include "kehu.secretKeys" (list $ $name) | fromYamlArray | join ", ")) }}{{ end -}}
{{- end -}}
{{- if not (or .Values.jwks.existingSecret .Values.jwks.existingConfigMap) }}{{ $wrong = append $wrong "jwks.existingSecret and jwks.existingConfigMap are both empty: name where the public keys of tokens are." }}{{ end -}}
{{- if and .Values.jwks.existingSecret .Values.jwks.existingConfigMap }}{{ $wrong = append $wrong "jwks.existingSecret and jwks.existingConfigMap are both set: the public keys come from one of them." }}{{ end -}}
{{- range $where, $env := include "kehu.validate.environments" . | fromYaml -}}
{{- range $key := list "KEHU_DATABASE_URL" "KEHU_BROKER_URL" "KEHU_PAGE_TOKEN_KEY" -}}
{{- if hasKey $env $key }}{{ $wrong = append $wrong (printf "%s.%s is a secret: it comes from the service's existingSecret, never from the values." $where $key) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.externalSecrets.enabled (not .Values.externalSecrets.storeName) }}{{ $wrong = append $wrong "externalSecrets.storeName is empty: name the store that the secrets come from." }}{{ end -}}
{{- toYaml $wrong -}}
{{- end }}

{{- define "kehu.validate.environments" -}}
{{- $found := dict "env" .Values.env -}}
{{- range $name := include "kehu.services" . | fromYamlArray -}}
{{- $_ := set $found (printf "services.%s.env" $name) (index $.Values.services $name).env -}}
{{- range $role := list "serve" "consume" "relay" "migrate" -}}
{{- $_ := set $found (printf "services.%s.%s.env" $name $role) (include "kehu.role" (list $ $name $role) | fromYaml).env -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{- define "kehu.validate.scaling" -}}
{{- $wrong := list -}}
{{- range $component := include "kehu.components" . | fromYamlArray -}}
{{- $values := include "kehu.component" (list $ $component) | fromYaml -}}
{{- $scaling := $values.autoscaling -}}
{{- if $scaling.enabled -}}
{{- if gt (int $scaling.min) (int $scaling.max) }}{{ $wrong = append $wrong (printf "autoscaling of %s: min %v is more than max %v." $component $scaling.min $scaling.max) }}{{ end -}}
{{- if include "kehu.validate.fixed" (list $ $component) }}{{ $wrong = append $wrong (printf "%s has fixed replicas and autoscaling: take one of them away." $component) }}{{ end -}}
{{- end -}}
{{- $least := include "kehu.scaling.least" $values | int -}}
{{- if and (gt $least 1) (ge (int $values.maxUnavailable) $least) }}{{ $wrong = append $wrong (printf "maxUnavailable of %s is %v, and it has %d replicas: all of them could be away at once." $component $values.maxUnavailable $least) }}{{ end -}}
{{- end -}}
{{- toYaml $wrong -}}
{{- end }}

{{/* Something, if a service's own values fix the replicas of a role. */}}
{{- define "kehu.validate.fixed" -}}
{{- $parts := splitList "-" (index . 1) -}}
{{- if and (eq (len $parts) 2) (hasKey (index (index (index . 0).Values.services (index $parts 0)) (index $parts 1)) "replicas") }}yes{{ end -}}
{{- end }}

{{- define "kehu.validate.stopping" -}}
{{- $wrong := list -}}
{{- /* Seconds that a role takes to finish what is under way, see kit/. */}}
{{- range $role, $work := dict "serve" 25 "consume" 22 "relay" 15 -}}
{{- range $name := include "kehu.services" $ | fromYamlArray -}}
{{- $values := include "kehu.role" (list $ $name $role) | fromYaml -}}
{{- $needed := add $values.preStopSeconds (default 0 $values.drainSeconds) $work -}}
{{- if le (int64 $values.terminationGracePeriodSeconds) $needed }}{{ $wrong = append $wrong (printf "%s-%s is killed after %v s, but takes up to %d to stop: preStopSeconds, drainSeconds and %d for what is under way. Raise terminationGracePeriodSeconds." $name $role $values.terminationGracePeriodSeconds $needed $work) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- with .Values.gateway -}}
{{- if le (int .terminationGracePeriodSeconds) (int .preStopSeconds) }}{{ $wrong = append $wrong (printf "gateway.terminationGracePeriodSeconds is %v, but its preStopSeconds are %v: it would be killed while it drains." .terminationGracePeriodSeconds .preStopSeconds) }}{{ end -}}
{{- $memory := .resources.limits.memory -}}
{{- $bytes := mul (regexFind "^[0-9]+" $memory | int64) (get (dict "Mi" 1048576 "Gi" 1073741824) (regexFind "[A-Z].*$" $memory)) -}}
{{- if ge (int64 .limits.heapBytes) $bytes }}{{ $wrong = append $wrong (printf "gateway.limits.heapBytes is %d, not less than its memory limit %s: it would be killed before it refuses calls." (int64 .limits.heapBytes) $memory) }}{{ end -}}
{{- end -}}
{{- toYaml $wrong -}}
{{- end }}

{{- define "kehu.validate.network" -}}
{{- $wrong := list -}}
{{- $policy := .Values.networkPolicy -}}
{{- if $policy.enabled -}}
{{- $needed := dict
  "databases" (not .Values.postgresql.enabled)
  "broker" (not .Values.rabbitmq.enabled)
  "collector" (not (empty .Values.settings.otlpEndpoint))
  "issuer" (not (empty .Values.issuer.name))
  "payments" (not (empty .Values.services.orders.paymentsSecret))
  "kubernetes" (and (not (empty .Values.peaks)) (eq (include "kehu.peaks.byJob" .) "true"))
  "dns" true
-}}
{{- range $name, $is := $needed -}}
{{- if and $is (not (index $policy $name).to) }}{{ $wrong = append $wrong (printf "networkPolicy.%s.to is empty, so that nothing could go there: say where it is, for example [{ipBlock: {cidr: 10.0.0.0/24}}]." $name) }}{{ end -}}
{{- end -}}
{{- if not $policy.prometheus.from }}{{ $wrong = append $wrong "networkPolicy.prometheus.from is empty, which would open the metrics to everybody: say who reads them." }}{{ end -}}
{{- end -}}
{{- toYaml $wrong -}}
{{- end }}

{{- define "kehu.validate.doors" -}}
{{- $wrong := list -}}
{{- if and .Values.gateway.ingress.enabled (not .Values.gateway.ingress.host) }}{{ $wrong = append $wrong "gateway.ingress.host is empty: say under which name the API answers." }}{{ end -}}
{{- if and .Values.gateway.httpRoute.enabled (not .Values.gateway.httpRoute.parentRefs) }}{{ $wrong = append $wrong "gateway.httpRoute.parentRefs is empty: name the Gateways that it joins." }}{{ end -}}
{{- if and .Values.gateway.tls.enabled (not .Values.gateway.tls.secret) }}{{ $wrong = append $wrong "gateway.tls.secret is empty: name the Secret with the certificate." }}{{ end -}}
{{- if ne (empty .Values.issuer.name) (empty .Values.issuer.jwksUri) }}{{ $wrong = append $wrong "issuer.name and issuer.jwksUri belong together: set both, or none." }}{{ end -}}
{{- range $name := include "kehu.services" . | fromYamlArray -}}
{{- range include "kehu.peers" $name | fromYamlArray -}}
{{- if not (index $.Values.services .).enabled }}{{ $wrong = append $wrong (printf "services.%s is off, but %s calls it." . $name) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toYaml $wrong -}}
{{- end }}

{{- define "kehu.validate.order" -}}
{{- $wrong := list -}}
{{- if and .Values.migrations.enabled .Values.migrations.useHelmHooks -}}
{{- range list "postgresql" "rabbitmq" "externalSecrets" -}}
{{- if (index $.Values .).enabled }}{{ $wrong = append $wrong (printf "%s.enabled makes what migrations need in the same release, and hooks run before it: set migrations.useHelmHooks to false." .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toYaml $wrong -}}
{{- end }}

{{- define "kehu.validate.peaks" -}}
{{- $wrong := list -}}
{{- $seen := list -}}
{{- range $peak := .Values.peaks -}}
{{- if has $peak.name $seen }}{{ $wrong = append $wrong (printf "two peaks are named %s." $peak.name) }}{{ end -}}
{{- $seen = append $seen $peak.name -}}
{{- if ge (include "kehu.peaks.epoch" $peak.start | int64) (include "kehu.peaks.epoch" $peak.end | int64) }}{{ $wrong = append $wrong (printf "peak %s ends before it starts." $peak.name) }}{{ end -}}
{{- range $component := include "kehu.components" $ | fromYamlArray -}}
{{- $wrong = concat $wrong (include "kehu.validate.peak" (list $ $peak $component) | fromYamlArray) -}}
{{- end -}}
{{- range $component, $_ := default dict $peak.replicas -}}
{{- if not (has $component (include "kehu.components" $ | fromYamlArray)) }}{{ $wrong = append $wrong (printf "peak %s names replicas of %s, which is none of %s." $peak.name $component (include "kehu.components" $ | fromYamlArray | join ", ")) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toYaml $wrong -}}
{{- end }}

{{/* One peak and one component; give it (list root peak component). */}}
{{- define "kehu.validate.peak" -}}
{{- $root := index . 0 -}}
{{- $peak := index . 1 -}}
{{- $component := index . 2 -}}
{{- $wrong := list -}}
{{- $values := include "kehu.component" (list $root $component) | fromYaml -}}
{{- $needed := include "kehu.peaks.replicas" . | int -}}
{{- if not (or (hasKey (default dict $peak.replicas) $component) (include "kehu.peaks.cost" (list $root $component))) -}}
{{- $wrong = append $wrong (printf "files/capacity.json says nothing about %s: say in peak %s how many replicas it needs." $component $peak.name) -}}
{{- else if and $values.autoscaling.enabled (gt $needed (int $values.autoscaling.max)) -}}
{{- $wrong = append $wrong (printf "peak %s needs %d replicas of %s, but its autoscaling.max is %v." $peak.name $needed $component $values.autoscaling.max) -}}
{{- else if and (not $values.autoscaling.enabled) (gt $needed (int $values.replicas)) -}}
{{- $wrong = append $wrong (printf "peak %s needs %d replicas of %s, but it has %v fixed ones: raise them, or turn its autoscaling on." $peak.name $needed $component $values.replicas) -}}
{{- end -}}
{{- toYaml $wrong -}}
{{- end }}
