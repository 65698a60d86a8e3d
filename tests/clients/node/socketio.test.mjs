// Terminals over Socket.IO with the library of browsers. The server and its sshd are started by the Python side:
// BASTIDE_SOCKETIO holds where they are. Without it there is nothing to ask.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { io } from 'socket.io-client'

const place = process.env.BASTIDE_SOCKETIO && JSON.parse(process.env.BASTIDE_SOCKETIO)

for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
  test(`a terminal over ${transports.join(', then ')}`, { skip: !place }, async () => {
    const socket = io(place.url, { transports, auth: { token: place.token }, reconnection: false })
    let text = ''
    let look = () => {}
    socket.on('ssh_output', ({ data }) => {
      text += data
      look()
    })
    const until = (words) =>
      new Promise((seen) => {
        look = () => text.includes(words) && seen()
        look()
      })
    const once = (event) => new Promise((heard) => socket.once(event, heard))
    const connected = once('ssh_connected')
    socket.emit('ssh_connect', { server_id: place.server, auto_command: 'echo au""to' })
    assert.deepEqual(await connected, { status: 'connected' })
    await until('auto\r\n')
    socket.emit('ssh_resize', { cols: 90, rows: 30 })
    socket.emit('ssh_input', { input: 'stty size\r' })
    await until('30 90')
    const over = once('ssh_disconnected')
    socket.emit('ssh_input', { input: 'exit\r' })
    assert.deepEqual(await over, { status: 'disconnected' })
    socket.disconnect()
  })
}

test('a bad token is told so', { skip: !place }, async () => {
  const socket = io(place.url, { auth: { token: 'bad' }, reconnection: false })
  const error = await new Promise((told) => socket.once('connect_error', told))
  assert.match(error.message, /log in/)
  socket.disconnect()
})
