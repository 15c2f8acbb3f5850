{{/* Environment variables of every container. */}}
{{- define "paidan.environment" -}}
- name: PAIDAN_KAFKA
  value: {{ .Values.kafka | quote }}
- name: PAIDAN_TOPIC_PREFIX
  value: {{ .Values.topicPrefix | quote }}
- name: PAIDAN_DATABASE
  valueFrom:
    secretKeyRef:
      name: {{ .Values.databaseSecret }}
      key: dsn
{{- end }}

{{- define "paidan.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{- define "paidan.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
capabilities:
  drop: [ALL]
{{- end }}
