-- Refuses JSON bodies with members that the method doesn't know. The transcoder drops them without a word
-- (envoy#46623), and then `{"coupn": ...}` is an order at full price.
--
-- Two tables stand before this text, made from the descriptors. METHODS leads from a verb and a path to the type of
-- the body; TYPES says what members a type has: 1 for a value that isn't looked into, the name of a type, or {name}
-- for a map with such values. Text that is no JSON passes: the transcoder says what is wrong with it.

local find, sub = string.find, string.sub

local QUOTE, OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY, COMMA = 34, 123, 125, 91, 93, 44

local function type_of_body(verb, path)
  local node = METHODS[verb]
  local custom = "$"
  path = path:match("^[^?]*")
  local before, after = path:match("^(.*)(:[^/:]*)$")
  if before then path, custom = before, after end
  for segment in path:gmatch("[^/]+") do
    if node == nil then return nil end
    node = node[segment] or node["*"]
  end
  return node and node[custom]
end

-- The position of the quote that ends the string begun at `from`.
local function end_of_string(text, from)
  local at = from
  while true do
    at = find(text, '["\\]', at + 1)
    if at == nil or text:byte(at) == QUOTE then return at end
    at = at + 1
  end
end

local function path_to(stack, depth, name)
  local path = ""
  for level = 1, depth do
    local frame = stack[level]
    if frame.array then
      path = path .. "[" .. frame.index .. "]"
    elseif level < depth then
      path = path .. (path == "" and "" or ".") .. frame.name
    end
  end
  return path .. (path == "" and "" or ".") .. name
end

-- What the members of an object of this type may be called: nil for any.
local function members_of(kind)
  return type(kind) == "string" and TYPES[kind] or nil
end

local function unknown_member(text, kind)
  local stack, depth, at = {}, 0, 1
  local expected = kind -- the type of the value that comes next
  while true do
    at = find(text, '[%[%]{}",]', at)
    if at == nil then return nil end
    local byte = text:byte(at)
    local top = stack[depth]
    if byte == QUOTE then
      local stop = end_of_string(text, at)
      if stop == nil then return nil end
      if top and top.awaits_name then
        local name = sub(text, at + 1, stop - 1)
        top.awaits_name = false
        if top.values then
          expected = top.values
        elseif top.members then
          expected = top.members[name]
          -- A name with escapes in it is not worth decoding.
          if expected == nil and not find(name, "\\", 1, true) then return path_to(stack, depth, name) end
        else
          expected = nil
        end
        top.name = name
      end
      at = stop
    elseif byte == OPEN_OBJECT then
      depth = depth + 1
      local map = type(expected) == "table"
      stack[depth] = {awaits_name = true, values = map and expected[1] or nil, members = members_of(expected)}
    elseif byte == OPEN_ARRAY then
      depth = depth + 1
      stack[depth] = {array = true, elements = expected, index = 0}
    elseif byte == COMMA then
      if top == nil then return nil end
      if top.array then
        top.index = top.index + 1
        expected = top.elements
      else
        top.awaits_name = true
      end
    else
      depth = depth - 1
      if depth <= 0 then return nil end
    end
    at = at + 1
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if find(headers:get("content-type") or "", "^application/grpc") then return end
  local kind = type_of_body(headers:get(":method"), headers:get(":path"))
  if kind == nil then return end
  local body = handle:body()
  if body == nil then return end
  local unknown = unknown_member(body:getBytes(0, body:length()), kind)
  if unknown then
    handle:respond({[":status"] = "400"}, "unknown field: " .. sub(unknown, 1, 200))
  end
end
