import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { addSshKey, deleteSshKey, getSshKeys } from '../../api/client.ts'
import { useMe } from '../../api/me.ts'
import type { SshKey } from '../../api/types.ts'
import { Area } from '../../parts/area.tsx'
import { Command } from '../../parts/command.tsx'
import { DialogForm } from '../../parts/dialog-form.tsx'
import { Field } from '../../parts/field.tsx'
import { Fingerprint } from '../../parts/fingerprint.tsx'
import { MadeAndUsed } from '../../parts/made-and-used.tsx'
import { ProblemNotice } from '../../parts/notice.tsx'
import { Sure } from '../../parts/sure.tsx'
import { useLoad } from '../../parts/use-load.ts'

/** Keys that let their person in at the SSH door. */
export function SshKeys() {
  const { t } = useTranslation()
  const me = useMe()
  const { data, problem, reload } = useLoad(getSshKeys)
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<SshKey | null>(null)
  return (
    <>
      <p className="soft">{t('sshkeys.lead')}</p>
      {me && data?.door_port && (
        <Command text={`ssh -p ${data.door_port} ${me.user.username}+SERVER@${location.hostname}`} />
      )}
      {data?.door_port === null && <p className="soft">{t('sshkeys.closed')}</p>}
      <ProblemNotice problem={problem} retry={reload} />
      {data?.items.length === 0 && <p className="soft">{t('sshkeys.empty')}</p>}
      {data && data.items.length > 0 && (
        <ul className="cards">
          {data.items.map((key) => (
            <li key={key.id} data-ssh-key={key.name}>
              <div>
                <strong>{key.name}</strong>
                <p>
                  <Fingerprint algorithm={key.algorithm} fingerprint={key.fingerprint} />
                </p>
                <MadeAndUsed made={key.created} used={key.last_used} />
              </div>
              <Button
                danger
                aria-label={t('sshkeys.remove.what', { name: key.name })}
                onClick={() => setRemoving(key)}
              >
                {t('sshkeys.remove')}
              </Button>
            </li>
          ))}
        </ul>
      )}
      <Button onClick={() => setAdding(true)}>{t('sshkeys.add')}</Button>
      {adding && (
        <Add
          close={() => {
            setAdding(false)
            reload()
          }}
        />
      )}
      {removing && (
        <Sure
          title={t('sshkeys.remove.title', { name: removing.name })}
          yes={t('sshkeys.remove')}
          act={() => deleteSshKey(removing.id)}
          close={() => {
            setRemoving(null)
            reload()
          }}
        >
          <Fingerprint algorithm={removing.algorithm} fingerprint={removing.fingerprint} />
          <p>{t('sshkeys.remove.lead')}</p>
        </Sure>
      )}
    </>
  )
}

function Add({ close }: { close: () => void }) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const [name, setName] = useState('')
  const act = async () => {
    await addSshKey(text.trim(), name.trim())
    close()
  }
  return (
    <DialogForm
      title={t('sshkeys.add')}
      yes={t('sshkeys.add.submit')}
      ready={text.trim() !== ''}
      act={act}
      close={close}
    >
      <Area
        label={t('sshkeys.text')}
        hint={t('sshkeys.text.hint')}
        code
        rows={4}
        data-first
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <Field
        label={t('sshkeys.name')}
        hint={t('sshkeys.name.hint')}
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
    </DialogForm>
  )
}
