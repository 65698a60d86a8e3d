// What can be said about the text of a private key before it is sent. Whether it is one the server decides.

export type KeyFault = 'public' | 'putty' | 'cut' | 'none' | 'encrypted'

export function keyFault(text: string): KeyFault | null {
  const trimmed = text.trim()
  if (/^(ssh-|ecdsa-|sk-)\S+ AAAA/.test(trimmed)) return 'public'
  if (/^PuTTY-User-Key-File/.test(trimmed)) return 'putty'
  const begin = /^-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----/m.exec(trimmed)?.[1]
  if (!begin) return 'none'
  if (!trimmed.includes(`-----END ${begin}-----`)) return 'cut'
  if (begin.includes('ENCRYPTED') || /^Proc-Type: 4,ENCRYPTED/m.test(trimmed)) return 'encrypted'
  return begin === 'OPENSSH PRIVATE KEY' && isEncrypted(trimmed) ? 'encrypted' : null
}

/** The name of the cipher stands after the magic of an OpenSSH key, after its length. */
function isEncrypted(text: string): boolean {
  try {
    const data = atob(text.replace(/-----[^-]+-----/g, '').replace(/\s/g, ''))
    const magic = 'openssh-key-v1\0'
    if (!data.startsWith(magic)) return false
    const length = data.charCodeAt(magic.length + 3)
    return data.slice(magic.length + 4, magic.length + 4 + length) !== 'none'
  } catch {
    return false
  }
}
