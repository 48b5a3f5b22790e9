-- Requests for wrk. Arguments: method, path, body, first number, last number, file of words (one a line, or "").
-- In path and body, # stands for the request's number and @ for one of the words, in turn.
local made, first, last, at, method, path, body, words

local function fill(text, number)
    local word = words[(number - 1) % #words + 1] or ""
    return (text:gsub("[#@]", { ["#"] = tostring(number), ["@"] = word }))
end

local function make(number)
    local filled = body ~= "" and fill(body, number) or nil
    return wrk.format(method, fill(path, number), nil, filled)
end

function init(args)
    method, path, body = args[1], args[2], args[3]
    first, last = tonumber(args[4]), tonumber(args[5])
    at, words = first, {}
    if args[6] ~= "" then
        for word in io.lines(args[6]) do words[#words + 1] = word end
    end
    if not (path .. body):find("#", 1, true) then
        -- Only so many different ones: made before the clock runs.
        made = {}
        for number = 1, math.max(#words, 1) do made[number] = make(number) end
        at = first % #made
    end
end

function request()
    at = at + 1
    if made then
        if at > #made then at = 1 end
        return made[at]
    end
    if at > last then wrk.thread:stop() end
    return make(at - 1)
end

function done(summary, latency, requests)
    local errors = summary.errors
    local line = '{"requests":%d,"duration_us":%d,"refused":%d,"broken":%d,"late":%d,"p50":%d,"p99":%d,"p999":%d}\n'
    io.write(line:format(summary.requests, summary.duration, errors.status,
        errors.connect + errors.read + errors.write, errors.timeout,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
