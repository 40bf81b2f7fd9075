{{/* The pod of a process; give it a dict of root, name (the service), role and values (of the role). */}}
{{- define "kehu.pod" -}}
{{- $root := .root -}}
{{- $keys := include "kehu.mounts" . | fromYamlArray -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- if or (ne .role "migrate") (not $root.Values.migrations.useHelmHooks) }}
serviceAccountName: {{ include "kehu.name" (list $root .name) }}
{{- end }}
{{- include "kehu.pullSecrets" $root }}
securityContext:
  {{- include "kehu.podSecurity" $root | nindent 2 }}
{{- with .values.terminationGracePeriodSeconds }}
terminationGracePeriodSeconds: {{ . }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
containers:
  - name: {{ .role }}
    image: {{ include "kehu.image" (list $root.Values.image $root.Chart.AppVersion) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: [python, -m, services.{{ .name }}, {{ .role }}]
    env:
      {{- include "kehu.env" . | nindent 6 }}
    securityContext:
      {{- include "kehu.containerSecurity" $root | nindent 6 }}
    resources:
      {{- toYaml .values.resources | nindent 6 }}
    {{- with include "kehu.probes" . }}{{ . | nindent 4 }}{{ end }}
    {{- with .values.preStopSeconds }}
    lifecycle:
      preStop: {sleep: {seconds: {{ . }}}}
    {{- end }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      {{- if eq .role "serve" }}
      - {name: jwks, mountPath: /etc/kehu/jwks, readOnly: true}
      {{- end }}
      {{- if and (eq .role "serve") $root.Values.mutualTls.enabled }}
      - {name: mutual, mountPath: /etc/kehu/mutual, readOnly: true}
      {{- end }}
      {{- if $keys }}
      - {name: keys, mountPath: /etc/kehu/keys, readOnly: true}
      {{- end }}
      {{- if eq (include "kehu.pays" .) "true" }}
      - {name: payments, mountPath: /etc/kehu/payments, readOnly: true}
      {{- end }}
volumes:
  - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
  {{- if eq .role "serve" }}
  - name: jwks
    {{- include "kehu.jwksVolume" $root | nindent 4 }}
  {{- end }}
  {{- if and (eq .role "serve") $root.Values.mutualTls.enabled }}
  - {name: mutual, secret: {secretName: {{ include "kehu.name" (list $root .name "tls") }}, defaultMode: 0440}}
  {{- end }}
  {{- if $keys }}
  - name: keys
    secret:
      secretName: {{ (index $root.Values.services .name).existingSecret }}
      defaultMode: 0440
      items:
        {{- range $keys }}
        - {key: {{ . }}, path: {{ . }}}
        {{- end }}
  {{- end }}
  {{- if eq (include "kehu.pays" .) "true" }}
  - {name: payments, secret: {secretName: {{ $root.Values.services.orders.paymentsSecret }}, defaultMode: 0440}}
  {{- end }}
{{- include "kehu.placement" (dict "root" $root "component" (printf "%s-%s" .name .role) "values" .values "spread" (ne .role "migrate")) }}
{{- end }}

{{/* The keys of the service's Secret that a process reads as files. */}}
{{- define "kehu.mounts" -}}
{{- $keys := list -}}
{{- if eq .role "serve" }}{{ $keys = append $keys .root.Values.secretKeys.serviceKey }}{{ end -}}
{{- if eq (include "kehu.sealed" .) "true" }}{{ $keys = append $keys .root.Values.secretKeys.keyring }}{{ end -}}
{{- toYaml $keys -}}
{{- end }}

{{/* Whether a process talks to payment providers. */}}
{{- define "kehu.pays" -}}
{{- and (eq .name "orders") (has .role (list "serve" "consume")) (not (empty .root.Values.services.orders.paymentsSecret)) -}}
{{- end }}

{{/* `serve` is asked by gRPC; the others by HTTP, which fails when the broker or the database is away: they are not
     killed for that, only not called ready. */}}
{{- define "kehu.probes" -}}
{{- if eq .role "serve" -}}
ports:
  - {name: grpc, containerPort: 50051}
  - {name: metrics, containerPort: 9090}
{{- if .root.Values.mutualTls.enabled }}
# The kubelet has no certificate; /readyz says what the health by gRPC does.
startupProbe: {tcpSocket: {port: grpc}, periodSeconds: 2, failureThreshold: 60}
readinessProbe: {httpGet: {path: /readyz, port: metrics}, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2}
{{- else }}
startupProbe: {grpc: {port: 50051}, periodSeconds: 2, failureThreshold: 60}
readinessProbe: {grpc: {port: 50051}, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2}
{{- end }}
# Not by gRPC: health says NOT_SERVING while the database is away, which no restart mends.
livenessProbe: {httpGet: {path: /healthz, port: metrics}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6}
{{- else if ne .role "migrate" -}}
ports:
  - {name: metrics, containerPort: 9090}
startupProbe: {tcpSocket: {port: metrics}, periodSeconds: 2, failureThreshold: 60}
readinessProbe: {httpGet: {path: /healthz, port: metrics}, periodSeconds: 10, timeoutSeconds: 5}
# It reconnects by itself; only one that can't answer at all is started again.
livenessProbe: {httpGet: {path: /metrics, port: metrics}, periodSeconds: 15, timeoutSeconds: 10, failureThreshold: 6}
{{- end -}}
{{- end }}

{{- define "kehu.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Pod Security Standard "restricted". */}}
{{- define "kehu.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.securityContext.runAsUser }}
runAsUser: {{ . | int64 }}
{{- end }}
{{- with .Values.securityContext.fsGroup }}
fsGroup: {{ . | int64 }}
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "kehu.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "kehu.jwksVolume" -}}
{{- if .Values.jwks.existingSecret -}}
secret: {secretName: {{ .Values.jwks.existingSecret }}, defaultMode: 0440, items: [{key: {{ .Values.jwks.key }}, path: {{ .Values.jwks.key }}}]}
{{- else -}}
configMap: {name: {{ .Values.jwks.existingConfigMap }}, items: [{key: {{ .Values.jwks.key }}, path: {{ .Values.jwks.key }}}]}
{{- end -}}
{{- end }}

{{/* Where a pod may run; give it a dict of root, component, values and spread. */}}
{{- define "kehu.placement" -}}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .spread }}
topologySpreadConstraints:
  {{- $selector := include "kehu.selector" (list .root .component) }}
  {{- range $key, $policy := dict "topology.kubernetes.io/zone" .root.Values.spread.zones "kubernetes.io/hostname" .root.Values.spread.nodes }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: {{ $policy }}
    # Old and new pods are counted apart while a release rolls out.
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The values of a role of a service: the defaults, changed by its own. As YAML; give it (list root service role). */}}
{{- define "kehu.role" -}}
{{- $root := index . 0 -}}
{{- $own := index (index $root.Values.services (index . 1)) (index . 2) -}}
{{- toYaml (mergeOverwrite (deepCopy (index $root.Values.defaults (index . 2))) (deepCopy (default dict $own))) -}}
{{- end }}
