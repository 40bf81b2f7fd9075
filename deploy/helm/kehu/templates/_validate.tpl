{{- define "kehu.validate" }}{{ end }}
