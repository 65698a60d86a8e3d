import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { changeGroup, createGroup, type Group } from '../api/servers.ts'
import { DialogForm } from '../parts/dialog-form.tsx'
import { Field } from '../parts/field.tsx'
import type { Names } from './names.ts'

export function GroupForm({ group, names, close }: { group: Group | null; names: Names; close: () => void }) {
  const { t } = useTranslation()
  const [name, setName] = useState(group?.name ?? '')
  const [members, setMembers] = useState<ReadonlySet<number>>(() => new Set(group?.members))
  const toggle = (id: number) => {
    const now = new Set(members)
    if (!now.delete(id)) now.add(id)
    setMembers(now)
  }
  const act = async () => {
    if (group) await changeGroup(group.id, { name: name.trim(), members: [...members] })
    else await createGroup(name.trim(), [...members])
    close()
  }
  return (
    <DialogForm
      title={group ? t('servers.edit.title', { name: group.name }) : t('access.group.add')}
      yes={t('form.save')}
      ready={name.trim() !== ''}
      act={act}
      close={close}
    >
      <Field
        label={t('servers.column.name')}
        autoFocus
        required
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <fieldset className="choices members">
        <legend>{t('access.members')}</legend>
        {[...names.users].map(([id, username]) => (
          <label key={id}>
            <input type="checkbox" checked={members.has(id)} onChange={() => toggle(id)} />
            {username}
          </label>
        ))}
      </fieldset>
    </DialogForm>
  )
}
