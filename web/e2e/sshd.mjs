// A real OpenSSH server of one's own, on a free port of this machine, for whoever runs the tests.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const SSHD = '/usr/sbin/sshd'

export class Sshd {
  static async start(port) {
    const one = new Sshd()
    one.port = port
    one.user = userInfo().username
    one.dir = await mkdtemp(join(tmpdir(), 'bastide-sshd-'))
    // Debian's service makes it; it is empty, and sshd wants it.
    if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true })
    one.#keygen('user')
    await copyFile(join(one.dir, 'user.pub'), join(one.dir, 'authorized_keys'))
    one.key = await readFile(join(one.dir, 'user'), 'utf8')
    await writeFile(
      join(one.dir, 'sshd_config'),
      [
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${join(one.dir, 'host')}`,
        `AuthorizedKeysFile ${join(one.dir, 'authorized_keys')}`,
        'PidFile none',
        'StrictModes no',
        'UsePAM no',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'PermitRootLogin yes',
        'Subsystem sftp internal-sftp',
        // Shells read the start-up files of the test, not those of whoever runs it.
        `SetEnv HOME=${one.dir}`,
        'LogLevel VERBOSE',
      ].join('\n'),
    )
    await one.listen()
    return one
  }

  /** With a new host key: the machine was installed anew, or another one answers. */
  async listen() {
    await rm(join(this.dir, 'host'), { force: true })
    await rm(join(this.dir, 'host.pub'), { force: true })
    this.#keygen('host')
    const [, fingerprint] = execFileSync('ssh-keygen', ['-lf', join(this.dir, 'host.pub')], {
      encoding: 'utf8',
    }).split(' ')
    this.fingerprint = fingerprint
    this.hostKey = (await readFile(join(this.dir, 'host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
    this.logins = 0
    this.child = spawn(SSHD, ['-D', '-e', '-f', join(this.dir, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const lines = createInterface({ input: this.child.stderr })
    await new Promise((ready, failed) => {
      lines.on('line', (line) => {
        if (/Server listening/.test(line)) ready()
        if (/Accepted publickey/.test(line)) this.logins += 1
      })
      this.child.once('exit', (code) => failed(new Error(`sshd: exit ${code}`)))
    })
  }

  /** Ends it; connections that are open end too. */
  async stop() {
    if (this.child.exitCode !== null) return
    const exited = once(this.child, 'exit')
    const { pid } = this.child
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
    for (const child of children.split(' ').filter(Boolean)) process.kill(Number(child), 'SIGTERM')
    this.child.kill('SIGTERM')
    await exited
  }

  async remove() {
    await this.stop()
    await rm(this.dir, { recursive: true, force: true })
  }

  #keygen(name) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(this.dir, name)])
  }
}
