{{/* The replicas that a component needs in a peak; give it (list root peak component).

     What an order was measured to cost the component, times the orders, over what a replica may use; never fewer than
     without the peak. `kehu capacity` computes the same. */}}
{{- define "kehu.peaks.replicas" -}}
{{- $root := index . 0 -}}
{{- $peak := index . 1 -}}
{{- $component := index . 2 -}}
{{- $own := get (default dict $peak.replicas) $component -}}
{{- if $own -}}
{{- $own -}}
{{- else -}}
{{- $least := include "kehu.scaling.least" (include "kehu.component" (list $root $component) | fromYaml) | int -}}
{{- $cost := include "kehu.peaks.cost" (list $root $component) | float64 -}}
{{- $cores := divf (mulf $cost $peak.expectedOrdersPerSecond) 1000 -}}
{{- max $least (int (ceil (divf $cores $root.Values.peakPlan.utilisation))) -}}
{{- end -}}
{{- end }}

{{/* Milliseconds of processor that an order costs a component; nothing, if that was not measured. */}}
{{- define "kehu.peaks.cost" -}}
{{- $costs := (index . 0).Files.Get "files/capacity.json" | fromJson -}}
{{- if eq (index . 1) "gateway" -}}
{{- dig "gateway" "cpu_ms_per_order" "" $costs -}}
{{- else -}}
{{- dig "processes" (index . 1) "cpu_ms_per_order" "" $costs -}}
{{- end -}}
{{- end }}

{{/* By how much the gateway's limits are raised: the calls of the greatest peak at one gateway pod, over the limit. */}}
{{- define "kehu.peaks.factor" -}}
{{- $factor := 1.0 -}}
{{- range $peak := .Values.peaks -}}
{{- $calls := mulf $peak.expectedOrdersPerSecond $.Values.peakPlan.callsPerOrder $.Values.peakPlan.surge -}}
{{- $pods := include "kehu.peaks.replicas" (list $ $peak "gateway") | float64 -}}
{{- $factor = maxf $factor (divf $calls $pods $.Values.gateway.limits.callsPerSecond) -}}
{{- end -}}
{{- $factor -}}
{{- end }}

{{/* A moment, moved by seconds, as cron says it in UTC; give it (list moment seconds). */}}
{{- define "kehu.peaks.cron" -}}
{{- $moment := add (include "kehu.peaks.epoch" (index . 0)) (index . 1) -}}
{{- dateInZone "4 15 2 1" (int64 $moment) "UTC" }} *
{{- end }}

{{- define "kehu.peaks.epoch" -}}
{{- mustToDate "2006-01-02T15:04:05Z07:00" . | unixEpoch -}}
{{- end }}

{{/* What the job of the peaks keeps: for each HorizontalPodAutoscaler its usual least, and that of each peak. */}}
{{- define "kehu.peaks.table" -}}
{{- $table := list -}}
{{- range $component := include "kehu.scaled" . | fromYamlArray -}}
{{- $scaling := (include "kehu.component" (list $ $component) | fromYaml).autoscaling -}}
{{- if ne $scaling.by "keda" -}}
{{- $peaks := list -}}
{{- range $peak := $.Values.peaks -}}
{{- $from := sub (include "kehu.peaks.epoch" $peak.start) (mul 60 $.Values.peakPlan.leadMinutes) -}}
{{- $peaks = append $peaks (dict "from" $from "until" (include "kehu.peaks.epoch" $peak.end | int64) "least" (include "kehu.peaks.replicas" (list $ $peak $component) | int)) -}}
{{- end -}}
{{- $table = append $table (dict "name" (include "kehu.name" (list $ $component)) "least" (int $scaling.min) "peaks" $peaks) -}}
{{- end -}}
{{- end -}}
{{- toJson $table -}}
{{- end }}

{{/* Whether the job of the peaks has anything to scale. */}}
{{- define "kehu.peaks.byJob" -}}
{{- $found := false -}}
{{- range $component := include "kehu.scaled" . | fromYamlArray -}}
{{- if ne (include "kehu.component" (list $ $component) | fromYaml).autoscaling.by "keda" }}{{ $found = true }}{{ end -}}
{{- end -}}
{{- and $found (not (empty .Values.peaks)) -}}
{{- end }}
