{{- define "dass.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "dass.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "dass.labels" -}}
{{ include "dass.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "dass.serviceAccount" -}}
{{- default (ternary (include "dass.name" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{/* The enabled pools with their defaults, as YAML: name: pool. */}}
{{- define "dass.pools" -}}
{{- $pools := dict }}
{{- range $name, $pool := .Values.silos.pools }}
{{- $whole := mustMergeOverwrite (deepCopy $.Values.silos.defaults) (default dict $pool) }}
{{- if $whole.enabled }}{{ $_ := set $pools $name $whole }}{{ end }}
{{- end }}
{{- toYaml $pools }}
{{- end }}

{{/* (image of the process, image of the chart, version). A digest is of one repository. */}}
{{- define "dass.image" -}}
{{- $own := index . 0 }}
{{- $image := mustMergeOverwrite (deepCopy (index . 1)) (ternary (dict "digest" "") dict (hasKey $own "repository")) $own }}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}{{ else }}{{ $image.repository }}:{{ default (index . 2) $image.tag }}{{ end }}
{{- end }}

{{/* Seconds as a TimeSpan of .NET. */}}
{{- define "dass.timespan" -}}
{{- $s := int . }}{{ printf "%02d:%02d:%02d" (div $s 3600) (mod (div $s 60) 60) (mod $s 60) }}
{{- end }}

{{/* Variables of settings: (name: value with colons). Numbers of values are floats: as text a large one would have an exponent, as JSON it has none. */}}
{{- define "dass.settings" -}}
{{- range $name, $value := . }}
- name: {{ $name | replace ":" "__" }}
  value: {{ ternary (toJson $value) (toString $value) (kindIs "float64" $value) | quote }}
{{- end }}
{{- end }}

{{/* Variables, as YAML, each name once: the last value counts, in the first one's place. Server-side apply refuses a name that is there twice. */}}
{{- define "dass.once" -}}
{{- $names := list }}{{ $last := dict }}
{{- range fromYamlArray . }}
{{- if not (hasKey $last .name) }}{{ $names = append $names .name }}{{ end }}
{{- $_ := set $last .name . }}
{{- end }}
{{- range $names }}
- {{ get $last . | toYaml | indent 2 | trim }}
{{- end }}
{{- end }}

{{/* Variables of every process: (root, role). */}}
{{- define "dass.env" -}}
{{- $root := index . 0 }}{{ $values := $root.Values }}{{ $role := index . 1 }}
{{- $uses := list $values.grid.cluster (ternary $values.grid.store "" (eq $role "silo")) }}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: Grid__SiloAddress
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
- name: Grid__Role
  value: {{ $role }}
- name: Grid__Name
  value: {{ $values.grid.name | quote }}
- name: Grid__Cluster
  value: {{ $values.grid.cluster }}
- name: Grid__Store
  value: {{ $values.grid.store }}
- name: Grid__ShutdownTimeout
  value: {{ include "dass.timespan" $values.grid.shutdownTimeout | quote }}
{{- if has "redis" $uses }}
{{- with $values.redis.existingSecret }}
- name: REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $values.redis.passwordKey }}}}
{{- end }}
- name: Grid__Redis
  value: {{ printf "%s%s%s%s" $values.redis.address (ternary ",ssl=true" "" $values.redis.tls)
    (ternary ",password=$(REDIS_PASSWORD)" "" (ne $values.redis.existingSecret "")) (ternary "" (printf ",%s" $values.redis.options) (empty $values.redis.options)) | quote }}
{{- end }}
{{- if has "postgres" $uses }}
{{- include "dass.postgres" $root }}
- name: Grid__Postgres
  value: {{ printf "Host=$(PGHOST);Port=$(PGPORT);Database=$(PGDATABASE);Username=\"$(PGUSER)\";Password=\"$(PGPASSWORD)\";SSL Mode=%s%s%s"
    (get (dict "disable" "Disable" "require" "Require" "verify-full" "VerifyFull") $values.postgres.sslMode)
    (ternary "" ";Root Certificate=/etc/dass-grid/postgres/ca.crt" (empty $values.postgres.authority.existingSecret))
    (ternary "" (printf ";%s" $values.postgres.options) (empty $values.postgres.options)) | quote }}
{{- end }}
{{- if $values.siloTls.enabled }}
- name: Grid__SiloCertificate
  value: /etc/dass-grid/silo-tls/tls.crt
- name: Grid__SiloCertificateKey
  value: /etc/dass-grid/silo-tls/tls.key
- name: Grid__SiloAuthority
  value: /etc/dass-grid/silo-tls/ca.crt
{{- end }}
- name: Logging__Console__FormatterName
  value: {{ $values.telemetry.consoleFormat }}
{{- with $values.telemetry.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
- name: Grid__TraceRatio
  value: {{ $values.telemetry.traceRatio | quote }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ printf "service.namespace=%s,service.instance.id=$(POD_NAME),k8s.pod.name=$(POD_NAME),k8s.namespace.name=%s" $values.grid.name $root.Release.Namespace | quote }}
{{- end }}
{{- include "dass.settings" $values.grid.settings }}
{{- end }}

{{/* Variables of libpq. */}}
{{- define "dass.postgres" }}
{{- $postgres := .Values.postgres }}
- name: PGHOST
  value: {{ $postgres.host | quote }}
- name: PGPORT
  value: {{ $postgres.port | quote }}
- name: PGDATABASE
  value: {{ $postgres.database | quote }}
- name: PGSSLMODE
  value: {{ $postgres.sslMode }}
- name: PGUSER
  valueFrom: {secretKeyRef: {name: {{ $postgres.existingSecret }}, key: username}}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ $postgres.existingSecret }}, key: password}}
{{- end }}

{{/* The authorities of PostgreSQL's certificate, as a list with a volume and as one with its mount: (root, role). Empty: the process needs none. */}}
{{- define "dass.postgresVolume" -}}
{{- $values := (index . 0).Values }}
{{- if and $values.postgres.authority.existingSecret (include "dass.usesPostgres" .) }}
- name: postgres-authority
  secret:
    secretName: {{ $values.postgres.authority.existingSecret }}
    defaultMode: 0440
    items: [{key: {{ $values.postgres.authority.key }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- define "dass.postgresMount" -}}
{{- if include "dass.postgresVolume" . }}
- {name: postgres-authority, mountPath: /etc/dass-grid/postgres, readOnly: true}
{{- end }}
{{- end }}

{{/* (root, role): gateways know the membership table alone. */}}
{{- define "dass.usesPostgres" -}}
{{- $grid := (index . 0).Values.grid }}
{{- if or (eq $grid.cluster "postgres") (and (ne (index . 1) "gateway") (eq $grid.store "postgres")) }}true{{ end }}
{{- end }}

{{/* The node's kubelet asks by the operations port. The readiness check of a process waits 2 s for a silo's answer. */}}
{{- define "dass.probes" -}}
startupProbe:
  httpGet: {path: /healthz/live, port: operations}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: {{ max 1 (div (int .) 2) }}
readinessProbe:
  httpGet: {path: /healthz/ready, port: operations}
  periodSeconds: 2
  timeoutSeconds: 4
  failureThreshold: 3
livenessProbe:
  httpGet: {path: /healthz/live, port: operations}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 6
{{- end }}

{{- define "dass.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1654
runAsGroup: 1654
fsGroup: 1654
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "dass.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* (labels of the pods that are to stand apart) */}}
{{- define "dass.spread" -}}
{{- range $at, $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
{{- if $at }}
{{ end -}}
- topologyKey: {{ $key }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- $ | nindent 6 }}
{{- end }}
{{- end }}

{{/* Where a process is scheduled: (values of the process). */}}
{{- define "dass.scheduling" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" }}
{{- with get $ $key }}
{{ $key }}: {{- if kindIs "string" . }} {{ . }}{{ else }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
