package fakeprovider

// DecodeInto reads one part of a token.
var DecodeInto = decodeInto
