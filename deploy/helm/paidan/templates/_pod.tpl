{{/* Environment variables of every container: where Kafka is and how to log in to it; the login is the container's own. */}}
{{- define "paidan.kafka" -}}
- name: PAIDAN_KAFKA
  value: {{ .root.Values.kafka.servers | quote }}
- name: PAIDAN_TOPIC_PREFIX
  value: {{ .root.Values.kafka.topicPrefix | quote }}
{{- with .root.Values.kafka.sasl }}
- name: PAIDAN_KAFKA_SASL
  value: {{ . | quote }}
- name: PAIDAN_KAFKA_USER
  valueFrom:
    secretKeyRef: {name: {{ $.secret }}, key: kafka_user}
- name: PAIDAN_KAFKA_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ $.secret }}, key: kafka_password}
{{- end }}
{{- if .root.Values.kafka.tls }}
- name: PAIDAN_KAFKA_TLS
  value: "true"
{{- with .root.Values.kafka.caSecret }}
- name: PAIDAN_KAFKA_CA
  value: /etc/paidan/kafka-ca/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{/* The authority that brokers are verified by, where it is not a public one. */}}
{{- define "paidan.kafkaCaMount" -}}
{{- if and .Values.kafka.tls .Values.kafka.caSecret }}
- {name: kafka-ca, mountPath: /etc/paidan/kafka-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "paidan.kafkaCaVolume" -}}
{{- if and .Values.kafka.tls .Values.kafka.caSecret }}
- name: kafka-ca
  secret: {secretName: {{ .Values.kafka.caSecret }}}
{{- end }}
{{- end }}

{{- define "paidan.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{- define "paidan.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "paidan.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
seccompProfile: {type: RuntimeDefault}
capabilities:
  drop: [ALL]
{{- end }}
