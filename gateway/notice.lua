-- A provider reads the status of an answer to its notice. The transcoder says 200 whenever the service answered, so the
-- service says in a header which status it means.

function envoy_on_response(handle)
  local headers = handle:headers()
  local meant = headers:get("x-kehu-status")
  if meant then
    headers:remove("x-kehu-status")
    headers:replace(":status", meant)
  end
end
