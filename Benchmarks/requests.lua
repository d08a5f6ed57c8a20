-- wrk script: sends the requests of a file, one after the other and round again, byte for byte.
-- usage: wrk -s requests.lua URL -- FILE
local requests, count, index = {}, 0, 0

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    local bytes = file:read("*a")
    file:close()
    for head in bytes:gmatch("(.-\r\n\r\n)") do
        count = count + 1
        requests[count] = head
    end
    assert(count > 0, "no request in the file")
end

function request()
    index = index % count + 1
    return requests[index]
end
