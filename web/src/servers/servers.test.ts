import { describe, expect, it } from 'vitest'
import { draftOf, fieldsOf, NEW, portFault, readAddress, readTags } from './fields.ts'
import { guessFormat } from './formats.ts'
import { keyFault } from './key-text.ts'
import { meters } from './meters.ts'
import { addRecent, readRecent } from './recent.ts'

describe('the form of a server', () => {
  it('takes an address apart as people paste it', () => {
    expect(readAddress('root@db-1:2222')).toEqual({ host: 'db-1', port: '2222', username: 'root' })
    expect(readAddress('ssh://db-1.example/')).toEqual({ host: 'db-1.example' })
    expect(readAddress('[2001:db8::1]:22')).toEqual({ host: '2001:db8::1', port: '22' })
    expect(readAddress('db-1')).toBeNull()
    expect(readAddress('2001:db8::1')).toBeNull()
  })

  it('reads tags with commas and spaces, each once', () => {
    expect(readTags(' web, prod  eu,，web ')).toEqual(['web', 'prod', 'eu'])
  })

  it('knows ports', () => {
    for (const good of ['1', '22', '65535']) expect(portFault(good), good).toBe(false)
    for (const bad of ['', '0', '65536', '22a', '-1', '2 2']) expect(portFault(bad), bad).toBe(true)
  })

  it('sends a name and a secret only where there are some', () => {
    const draft = { ...draftOf(null), host: ' db-1 ' }
    expect(draft.credential).toBe(NEW)
    expect(fieldsOf(draft)).toMatchObject({ name: 'db-1', host: 'db-1', port: 22, jump_id: null })
    expect(fieldsOf(draft)).not.toHaveProperty('username')
    expect(fieldsOf(draft)).not.toHaveProperty('default_credential_id')
    expect(fieldsOf({ ...draft, username: 'root' })).not.toHaveProperty('password')
    expect(fieldsOf({ ...draft, username: 'root', password: ' x ' })).toMatchObject({ password: ' x ' })
    expect(fieldsOf({ ...draft, credential: '' })).toMatchObject({ default_credential_id: null })
  })
})

describe('a text to import', () => {
  it('is known by its name or by what is in it', () => {
    expect(guessFormat('', 'machines.CSV')).toBe('csv')
    expect(guessFormat('', 'config')).toBe('ssh_config')
    expect(guessFormat('', 'inventory.yml')).toBe('ansible')
    expect(guessFormat('# mine\nHost db-1\n  HostName 192.0.2.1\n')).toBe('ssh_config')
    expect(guessFormat('[web]\nweb-1 ansible_host=192.0.2.2\n')).toBe('ansible')
    expect(guessFormat('all:\n  hosts:\n    db-1:\n')).toBe('ansible')
    expect(guessFormat('name,host,port\ndb-1,192.0.2.1,22\n')).toBe('csv')
    expect(guessFormat('something else')).toBeNull()
  })
})

describe('the text of a key', () => {
  const open = (cipher: string) =>
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${btoa(
      `openssh-key-v1\0\0\0\0${String.fromCharCode(cipher.length)}${cipher}rest`,
    )}\n-----END OPENSSH PRIVATE KEY-----\n`

  it('is looked at before it is sent', () => {
    expect(keyFault(open('none'))).toBeNull()
    expect(keyFault(open('aes256-ctr'))).toBe('encrypted')
    expect(keyFault('-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----')).toBe(
      'encrypted',
    )
    expect(keyFault('ssh-ed25519 AAAAC3Nz me@here')).toBe('public')
    expect(keyFault('PuTTY-User-Key-File-3: ssh-ed25519')).toBe('putty')
    expect(keyFault('-----BEGIN OPENSSH PRIVATE KEY-----\nabc')).toBe('cut')
    expect(keyFault('hello')).toBe('none')
  })
})

const NO_FACTS = {
  ...{ cores: null, kernel: null, load: null, machine: null },
  ...{ node: null, release: null, system: null, uptime_seconds: null },
}

describe('the load', () => {
  it('shows what could be measured', () => {
    const gib = 1024 ** 3
    const disk = (mount: string, total: number, used: number) => ({
      ...{ mount, total, used, device: '/dev/sda', available: total - used },
      percent: total ? (100 * used) / total : 0,
    })
    const list = meters({
      cpu: null,
      memory: { total: 4 * gib, available: gib, percent: 75 },
      disks: [disk('/', 200 * gib, 50 * gib), disk('/proc', 0, 0)],
      errors: { cpu: 'no /proc/stat' },
      facts: NO_FACTS,
    })
    expect(list).toEqual([
      { kind: 'memory', name: 'memory', percent: 75, more: '3.0 / 4.0 GiB' },
      { kind: 'disk', name: '/', percent: 25, more: '50.0 / 200 GiB' },
    ])
  })
})

describe('the servers used last', () => {
  const one = (id: number) => ({ id, name: String(id), credential: null })

  it('are each there once, newest first, and not many', () => {
    let list = readRecent(null)
    for (let id = 0; id < 10; id++) list = addRecent(list, one(id))
    list = addRecent(list, one(7))
    expect(list.map(({ id }) => id)).toEqual([7, 9, 8, 6, 5, 4, 3, 2])
  })

  it('are nothing when somebody else wrote them', () => {
    expect(readRecent('{')).toEqual([])
    expect(readRecent('{"a":1}')).toEqual([])
    expect(readRecent('[1,null,{"id":1,"name":"b","credential":"c"}]')).toEqual([
      { id: 1, name: 'b', credential: null },
    ])
  })
})
