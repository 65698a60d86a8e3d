import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import {
  createHostAuthority,
  createUserAuthority,
  deleteHostAuthority,
  deleteUserAuthority,
  type HostAuthority,
  listHostAuthorities,
  listUserAuthorities,
  type UserAuthority,
} from '../api/servers.ts'
import type { Right } from '../api/types.ts'
import { Ago } from '../parts/ago.tsx'
import { Area } from '../parts/area.tsx'
import { DialogForm } from '../parts/dialog-form.tsx'
import { Field } from '../parts/field.tsx'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Sure } from '../parts/sure.tsx'
import { useLoad } from '../parts/use-load.ts'

type Authority = HostAuthority | UserAuthority

/** Authorities of one kind: what they are called in texts and rights, and how they are kept. */
interface Kind {
  texts: 'hosts' | 'people'
  create: Right
  remove: Right
  list: () => Promise<Authority[]>
  add: (authority: { name: string; key: string }) => Promise<Authority>
  drop: (authority: number) => Promise<void>
}

export const OF_HOSTS: Kind = {
  texts: 'hosts',
  create: 'host_authority_create',
  remove: 'host_authority_remove',
  list: listHostAuthorities,
  add: createHostAuthority,
  drop: deleteHostAuthority,
}

export const OF_PEOPLE: Kind = {
  texts: 'people',
  create: 'user_authority_create',
  remove: 'user_authority_remove',
  list: listUserAuthorities,
  add: createUserAuthority,
  drop: deleteUserAuthority,
}

/** Keys whose signature is believed: about servers, or about people. */
export function Authorities({ kind }: { kind: Kind }) {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(kind.list)
  const mayAdd = useRight(kind.create)
  const mayRemove = useRight(kind.remove)
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Authority | null>(null)
  const heading = `authorities-${kind.texts}`
  return (
    <section aria-labelledby={heading}>
      <header className="part-head">
        <h2 id={heading}>{t(`authorities.title.${kind.texts}`)}</h2>
        <span className="gap" />
        {mayAdd && (
          <Button size="small" onClick={() => setAdding(true)}>
            {t(`authorities.add.${kind.texts}`)}
          </Button>
        )}
      </header>
      <p className="soft">{t(`authorities.lead.${kind.texts}`)}</p>
      <ProblemNotice problem={problem} retry={reload} />
      {data?.length === 0 && <p className="soft">{t(`authorities.none.${kind.texts}`)}</p>}
      <ul className="cards">
        {data?.map((one) => (
          <li key={one.id} data-authority={one.name}>
            <div>
              <strong>{one.name}</strong>
              <p>
                <Fingerprint algorithm={one.key.split(' ')[0] ?? ''} fingerprint={one.fingerprint} />
              </p>
              <p className="soft">
                {t('server.keys.by', { name: one.created_by })} · <Ago at={one.created} />
              </p>
            </div>
            {mayRemove && (
              <button
                type="button"
                className="quiet danger"
                aria-label={t('hosts.remove.title', { name: one.name })}
                onClick={() => setRemoving(one)}
              >
                {t('server.keys.remove')}
              </button>
            )}
          </li>
        ))}
      </ul>
      {adding && (
        <Add
          kind={kind}
          close={() => {
            setAdding(false)
            reload()
          }}
        />
      )}
      {removing && (
        <Sure
          title={t('hosts.remove.title', { name: removing.name })}
          yes={t('server.keys.remove')}
          act={() => kind.drop(removing.id)}
          close={() => {
            setRemoving(null)
            reload()
          }}
        >
          <p>{t(`authorities.gone.${kind.texts}`)}</p>
        </Sure>
      )}
    </section>
  )
}

function Add({ kind, close }: { kind: Kind; close: () => void }) {
  const { t } = useTranslation()
  const [name, setName] = useState('')
  const [key, setKey] = useState('')
  const act = async () => {
    await kind.add({ name: name.trim(), key: key.trim() })
    close()
  }
  return (
    <DialogForm
      title={t(`authorities.add.${kind.texts}`)}
      yes={t('server.keys.add.submit')}
      ready={name.trim() !== '' && key.trim() !== ''}
      act={act}
      close={close}
    >
      <Field
        label={t('servers.column.name')}
        autoComplete="off"
        data-first
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Area
        label={t('hosts.key')}
        hint={t(`authorities.hint.${kind.texts}`)}
        code
        rows={4}
        value={key}
        onChange={(event) => setKey(event.target.value)}
      />
    </DialogForm>
  )
}
