{{/* The queues of a service; a test holds them to its subscriptions. */}}
{{- define "kehu.queues" -}}
{{- $queues := dict
  "members" (list "members.settlement" "members.cancellation" "members.rewards")
  "orders" (list "orders.deals" "orders.members" "orders.segments" "orders.erasure")
  "campaigns" (list "campaigns.orders" "campaigns.members" "campaigns.redemptions")
  "pipeline" (list "pipeline.orders")
-}}
{{- toYaml (get $queues .) -}}
{{- end }}

{{- define "kehu.scaling.cpu" -}}
- type: Resource
  resource:
    name: cpu
    target: {type: Utilization, averageUtilization: {{ .cpuPercent }}}
{{- end }}

{{/* Up at once, down slowly: a crowd comes faster than it goes. */}}
{{- define "kehu.scaling.behavior" -}}
behavior:
  scaleUp:
    stabilizationWindowSeconds: 0
    policies: [{type: Percent, value: 100, periodSeconds: 15}, {type: Pods, value: 4, periodSeconds: 15}]
  scaleDown:
    stabilizationWindowSeconds: 300
    policies: [{type: Percent, value: 25, periodSeconds: 60}]
{{- end }}

{{/* The replicas that are always there; give it the values of a role or of the gateway. */}}
{{- define "kehu.scaling.least" -}}
{{- ternary .autoscaling.min .replicas .autoscaling.enabled -}}
{{- end }}

{{/* The replicas that there may be. */}}
{{- define "kehu.scaling.most" -}}
{{- ternary .autoscaling.max .replicas .autoscaling.enabled -}}
{{- end }}

{{/* The values of what scales, by its component: `gateway` or <service>-<role>. As YAML; give it (list root component). */}}
{{- define "kehu.component" -}}
{{- $root := index . 0 -}}
{{- if eq (index . 1) "gateway" -}}
{{- toYaml $root.Values.gateway -}}
{{- else -}}
{{- $parts := splitList "-" (index . 1) -}}
{{- include "kehu.role" (list $root (index $parts 0) (index $parts 1)) -}}
{{- end -}}
{{- end }}

{{/* The components that may have more than one replica. */}}
{{- define "kehu.components" -}}
{{- $found := list "gateway" -}}
{{- range include "kehu.services" . | fromYamlArray -}}
{{- $found = concat $found (list (printf "%s-serve" .) (printf "%s-consume" .)) -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{/* Those that are scaled by themselves. */}}
{{- define "kehu.scaled" -}}
{{- $found := list -}}
{{- range $component := include "kehu.components" . | fromYamlArray -}}
{{- if (include "kehu.component" (list $ $component) | fromYaml).autoscaling.enabled }}{{ $found = append $found $component }}{{ end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}
